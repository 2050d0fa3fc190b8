"""The rules for a new password: neither short nor easily guessed (NIST SP 800-63B §3.1.1)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.texts import Text

MIN_LENGTH = 8
"""In characters (NIST SP 800-63B §3.1.1.2)."""
MAX_LENGTH = 128
"""In characters. Long enough for every passphrase; the hash itself would accept more."""
WEAKEST_SCORE = 3
"""On a scale from 0 to 4: withstands 10^8 guesses, which the login's rate limits prevent."""

_ADVICE = Text("Several uncommon words are a good password")

WARNINGS = (
    Text("straight rows of keys are easy to guess"),
    Text("short keyboard patterns are easy to guess"),
    Text('repeats like "aaa" are easy to guess'),
    Text('repeats like "abcabcabc" are only slightly harder to guess than "abc"'),
    Text('sequences like "abc" or "6543" are easy to guess'),
    Text("recent years are easy to guess"),
    Text("dates are often easy to guess"),
    Text("this is a top-10 common password"),
    Text("this is a top-100 common password"),
    Text("this is a very common password"),
    Text("this is similar to a commonly used password"),
    Text("a word by itself is easy to guess"),
    Text("names and surnames by themselves are easy to guess"),
    Text("common names and surnames are easy to guess"),
)
"""The warnings of zxcvbn, listed for their translations."""


class WeakPasswordError(ValueError):
    """The password is too weak. The message tells the person who chose it why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An estimate of how easily a password is guessed.

    Attributes:
        score: 0 (among the first thousand guesses) to 4 (not guessed within ten billion).
        warning: a sentence about what makes it easy to guess, without the final period; may be empty.
    """

    score: int
    warning: str = ""


def require_length(password: str) -> None:
    """Reject a password that is too short or too long; which characters it contains does not matter.

    Raises:
        WeakPasswordError: the password is too short or too long.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise WeakPasswordError(
            Text("a password has %(least)s to %(most)s characters", least=MIN_LENGTH, most=MAX_LENGTH)
        )


def require_strength(estimate: Estimate) -> None:
    """Reject a password that is easily guessed.

    Raises:
        WeakPasswordError: the password is easily guessed.
    """
    if estimate.score < WEAKEST_SCORE:
        warning = estimate.warning
        if not warning:
            raise WeakPasswordError(Text("it is easily guessed. %(advice)s", advice=_ADVICE))
        reason = Text(f"{warning[0].lower()}{warning[1:]}")
        raise WeakPasswordError(
            Text("it is easily guessed (%(reason)s). %(advice)s", reason=reason, advice=_ADVICE)
        )

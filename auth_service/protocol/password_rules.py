"""The rules for a new password: neither short nor easily guessed (NIST SP 800-63B §3.1.1)."""

from __future__ import annotations

from dataclasses import dataclass

MIN_LENGTH = 8
"""In characters (NIST SP 800-63B §3.1.1.2)."""
MAX_LENGTH = 128
"""In characters. Long enough for every passphrase; the hash itself would accept more."""
WEAKEST_SCORE = 3
"""On a scale from 0 to 4: withstands 10^8 guesses, which the login's rate limits prevent."""


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
        raise WeakPasswordError(f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters")


def require_strength(estimate: Estimate) -> None:
    """Reject a password that is easily guessed.

    Raises:
        WeakPasswordError: the password is easily guessed.
    """
    if estimate.score < WEAKEST_SCORE:
        reason = f" ({estimate.warning[0].lower()}{estimate.warning[1:]})" if estimate.warning else ""
        raise WeakPasswordError(f"it is easily guessed{reason}. Several uncommon words are a good password")

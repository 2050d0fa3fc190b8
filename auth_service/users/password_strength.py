"""Estimates how easily a new password is guessed, with zxcvbn and its lists of common passwords."""

from __future__ import annotations

from collections.abc import Iterable

from anyio import CapacityLimiter, to_thread

from auth_service.protocol.password_rules import Estimate, require_length, require_strength

# An estimate takes more than quadratic time in the length, and holds the interpreter lock: at worst half a
# second for 32 characters, several seconds for 128. If the first 32 characters are hard to guess, so is the
# whole password.
_ESTIMATED_CHARACTERS = 32
_SHORTEST_PERSONAL = 3


class PasswordStrength:
    """Decides whether a password is strong enough. Runs one estimate at a time, off the event loop."""

    def __init__(self) -> None:
        self._limiter: CapacityLimiter | None = None

    async def require(self, password: str, *, personal: Iterable[str | None]) -> None:
        """Refuse a password that is too short, too long or easily guessed.

        Args:
            personal: what an attacker knows of the account: the username, the person's name, the service's
                name.

        Raises:
            WeakPasswordError: the message tells the person why.
        """
        require_length(password)
        if self._limiter is None:
            self._limiter = CapacityLimiter(1)
        personal_words = [word for word in personal if word and len(word) >= _SHORTEST_PERSONAL]
        require_strength(await to_thread.run_sync(_estimate, password, personal_words, limiter=self._limiter))


def _estimate(password: str, personal: list[str]) -> Estimate:
    from zxcvbn import (
        zxcvbn,
    )  # its lists take 10 MB and a while to load; only changes of a password need them

    inputs: list[str | float] = [part for word in personal for part in (word, *word.split())]
    result = zxcvbn(password[:_ESTIMATED_CHARACTERS], user_inputs=inputs)
    return Estimate(score=result["score"], warning=(result["feedback"]["warning"] or "").rstrip("."))

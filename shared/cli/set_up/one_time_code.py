"""The one-time code of the terminal, which admits one browser to the set-up page."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from enum import Enum

MAX_ATTEMPTS = 10
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_LENGTH = 12


class Entry(Enum):
    """The result of an attempt to enter the code."""

    ACCEPTED = "accepted"
    WRONG = "wrong"
    OVER = "over"


def new_code() -> str:
    """Draw a code of 60 bits, without characters that look alike."""
    drawn = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    return "-".join(drawn[start : start + 4] for start in range(0, _LENGTH, 4))


def new_browser_secret() -> str:
    """Draw the value of the cookie."""
    return secrets.token_urlsafe(32)


@dataclass(kw_only=True)
class OneTimeCode:
    """Admits one browser by a code, with a limited number of attempts.

    Attributes:
        code: printed in the terminal.
        holder: the secret of the browser that entered the code; None before.
        attempts: wrong codes so far. After `MAX_ATTEMPTS`, no code is accepted until the next start.
    """

    code: str = field(default_factory=new_code)
    holder: str | None = None
    attempts: int = 0

    @property
    def is_over(self) -> bool:
        """Whether no code is accepted any longer."""
        return self.holder is not None or self.attempts >= MAX_ATTEMPTS

    def enter(self, code: str, browser: str) -> Entry:
        """Admit the browser with the secret `browser`, if the code is right and was not used."""
        if self.admits(browser):
            return Entry.ACCEPTED  # pressed twice
        if self.is_over:
            return Entry.OVER
        if not hmac.compare_digest(_plain(code).encode(), _plain(self.code).encode()):
            self.attempts += 1
            return Entry.WRONG
        self.holder = browser
        return Entry.ACCEPTED

    def admits(self, browser: str | None) -> bool:
        """Whether the browser with the secret `browser` has entered the code."""
        if not browser or self.holder is None:
            return False
        return hmac.compare_digest(browser.encode(), self.holder.encode())


def _plain(code: str) -> str:
    """Return a code as typed, without spaces, hyphens and differences of case."""
    return "".join(character for character in code.upper() if character not in " -")

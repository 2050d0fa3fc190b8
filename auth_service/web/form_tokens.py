"""Form tokens: prove that this server gave the form to this browser, and in which session (AS-23)."""

from __future__ import annotations

from enum import Enum

from auth_service.crypto.keyring import KeyRing, Tagger
from auth_service.crypto.secrets import new_id

_LASTING = 22  # 128 bits


class Standing(Enum):
    """The result of checking a form token."""

    CURRENT = "issued to this browser, in its current session"
    STALE = "issued to this browser, but before its last login or logout"
    FOREIGN = "not issued to this browser"


class FormTokens:
    """Issues and checks form tokens; stores nothing.

    The secret of the browser alone is not enough: browsers share cookies between the ports of a host (RFC
    6265 §8.5). A page on another port can replace the secret by one for which it has a token, and post a form
    that the person never saw. It cannot create a token for a session whose secret it does not have.

    A login that continues a session keeps the first part of its secret (`session_secret`), so that forms in
    other tabs stay valid.
    """

    def __init__(self, keys: KeyRing) -> None:
        self._marks = Tagger(keys, "form sessions")
        self._forms = Tagger(keys, "forms")

    def issue(self, browser_secret: str, session_secret: str | None) -> str:
        """Return a token for a form in a browser and a session; None before the login.

        Each form gets a different token, so that a form posted twice is not taken for two: see `Submissions`.
        """
        named = f"{new_id()}~{self._marks.tag(_lasting(session_secret))}"
        return f"{named}.{self._forms.tag(f'{named} {browser_secret}')}"

    def standing(self, token: str, browser_secret: str, session_secret: str | None) -> Standing:
        """Check a token against the secrets that the browser has now."""
        named, _, tag = token.partition(".")
        if not self._forms.is_tag(f"{named} {browser_secret}", tag):
            return Standing.FOREIGN
        mark = named.partition("~")[2]
        return Standing.CURRENT if self._marks.is_tag(_lasting(session_secret), mark) else Standing.STALE


def session_secret(secret: str, continues: str | None = None) -> str:
    """Return the secret of a session, made from 256 random bits.

    Args:
        continues: the secret of the session that the new one continues.
    """
    return f"{_lasting(continues) if continues else secret[:_LASTING]}.{secret}"


def _lasting(secret: str | None) -> str:
    return (secret or "").partition(".")[0]

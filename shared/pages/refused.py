"""The error page."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import HTMLResponse

from shared.asgi import Refused
from shared.pages.standalone import StandalonePages


@dataclass(frozen=True, slots=True)
class Words:
    """The text of an error page."""

    heading: str
    explanation: str


_PROGRAMS = Words("This address is for programs", "It has no page for browsers.")
_NOT_ALLOWED = Words("This is not allowed", "The request was refused, and nothing was changed.")
_TOO_LARGE = Words("This request is too large", "It was refused, and nothing was changed.")
_BROKEN = Words(
    "Something went wrong",
    "You did nothing wrong. Go back and try again. If it happens again, tell an administrator.",
)
_BUSY = Words("This service is busy", "It cannot answer right now. Try again in a moment.")
_WORDS = {
    400: _PROGRAMS,
    401: _PROGRAMS,
    403: _NOT_ALLOWED,
    404: Words("Page not found", "Check the address. The page may have been removed."),
    405: _PROGRAMS,
    413: _TOO_LARGE,
    414: _TOO_LARGE,
    429: Words("Too many requests", "Wait a moment, then try again."),
    431: _TOO_LARGE,
    503: _BUSY,
}


def refused_page(pages: StandalonePages, refused: Refused) -> HTMLResponse:
    """Return the page for an error that has no specific page."""
    otherwise = _BROKEN if refused.status >= 500 else _NOT_ALLOWED
    return pages.render("shared_refused.html", refused=refused, words=_WORDS.get(refused.status, otherwise))

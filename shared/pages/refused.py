"""The error page."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import HTMLResponse

from shared.asgi import Refused
from shared.pages.standalone import StandalonePages
from shared.texts import Text


@dataclass(frozen=True, slots=True)
class Words:
    """The text of an error page."""

    heading: Text
    explanation: Text


_PROGRAMS = Words(Text("This address is for programs"), Text("It has no page for browsers."))
_NOT_ALLOWED = Words(Text("This is not allowed"), Text("The request was refused, and nothing was changed."))
_TOO_LARGE = Words(Text("This request is too large"), Text("It was refused, and nothing was changed."))
_BROKEN = Words(
    Text("Something went wrong"),
    Text("You did nothing wrong. Go back and try again. If it happens again, tell an administrator."),
)
_BUSY = Words(Text("This service is busy"), Text("It cannot answer right now. Try again in a moment."))
_WORDS = {
    400: _PROGRAMS,
    401: _PROGRAMS,
    403: _NOT_ALLOWED,
    404: Words(Text("Page not found"), Text("Check the address. The page may have been removed.")),
    405: _PROGRAMS,
    413: _TOO_LARGE,
    414: _TOO_LARGE,
    429: Words(Text("Too many requests"), Text("Wait a moment, then try again.")),
    431: _TOO_LARGE,
    503: _BUSY,
}


def refused_page(pages: StandalonePages, refused: Refused) -> HTMLResponse:
    """Return the page for an error that has no specific page."""
    otherwise = _BROKEN if refused.status >= 500 else _NOT_ALLOWED
    return pages.render("shared_refused.html", refused=refused, words=_WORDS.get(refused.status, otherwise))

"""Shared parts of the pages that people open by a one-time link to choose a password."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from auth_service.crypto.secrets import digest
from auth_service.pages.current_password import NotDoneError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.web.browser_cookies import Browser
from auth_service.web.page_context import PageContext
from shared.logs import get_logger
from shared.texts import Text

_log = get_logger(__name__)
_MISMATCH = Text("The two passwords are not the same.")


def new_password(form: Parameters, *, mismatch: Text = _MISMATCH) -> str:
    """Return the new password of a form in which it is typed twice.

    Raises:
        NotDoneError: the two differ; `mismatch` tells the person.
    """
    password = form.get("new_password") or ""
    if password != (form.get("new_password_again") or ""):
        raise NotDoneError(mismatch, 400, Reason.PASSWORD_NOT_CHANGED)
    return password


def kept_from_referers(response: Response) -> Response:
    """Keep the URL, which contains the secret of the link, out of every Referer header."""
    # Not no-referrer: browsers would send the form with `Origin: null` (Fetch §3.1).
    response.headers["Referrer-Policy"] = "strict-origin"
    return response


def link_over(context: PageContext, request: Request, event: str, *, reason: str) -> Response:
    """Log `event`, and return the one page for every link that is not valid."""
    _log.info(
        event,
        reason=reason,
        reason_code=Reason.ACCOUNT_LINK_OVER.code,
        status=404,
        origin=context.networks.network_of(request),
    )
    return context.templates.render("link_over.html", {}, status=404)


def done_mark(event: str, browser: Browser) -> str:
    """Return a mark for a link that only this server can create: no other page can fake `event`."""
    return digest(f"{event} {browser.browser_id}")

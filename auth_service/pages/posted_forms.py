"""Forms by which people change their own accounts: read once, applied once, shown again if refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from auth_service.pages.current_password import NotDoneError, not_done
from auth_service.protocol.parameters import Parameters
from auth_service.users.sessions import Session
from auth_service.web.browser_cookies import Browser
from auth_service.web.forms import trusted_form
from auth_service.web.http import while_connected
from auth_service.web.page_context import PageContext
from auth_service.web.submissions import submission_of


@dataclass(frozen=True, slots=True)
class PostedForm:
    """A trusted form, and the source of the request."""

    fields: Parameters
    browser: Browser
    session: Session
    network: str


async def posted_form(context: PageContext, request: Request, session: Session) -> PostedForm:
    """Return the form of a request, whose submission begins.

    Raises:
        OAuthError: another site sent the form, or it is from before a login or logout.
    """
    fields, browser = await trusted_form(context.browsers, request)
    await submission_of(request).begin()
    return PostedForm(fields, browser, session, context.networks.network_of(request))


async def refusal_of(
    request: Request,
    change: Coroutine[Any, Any, None],
    form_again: Callable[[NotDoneError], Awaitable[Response]],
    *,
    event: str,
    **who: str,
) -> Response | None:
    """Apply a change; return the response if it was refused, None if it was applied.

    Args:
        form_again: renders the form with the reason of the refusal.
        event: for the log, with `who`.
    """
    try:
        await while_connected(request, change)
    except ClientDisconnect:
        return Response(status_code=499)  # nobody reads it
    except NotDoneError as error:
        return not_done(await form_again(error), error, event, **who)
    return None

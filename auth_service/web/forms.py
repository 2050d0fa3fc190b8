"""What every posted form goes through before it is believed."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from auth_service.protocol.errors import InvalidRequestError, OAuthError
from auth_service.protocol.parameters import Parameters
from auth_service.storage.interface import StoreUnavailableError
from auth_service.web.browser_cookies import Browser, BrowserCookies
from auth_service.web.error_pages import ErrorPages
from auth_service.web.http import form_of, note_refusal, unavailable
from auth_service.web.route import text
from shared.asgi import header_values
from shared.fair_queue import QueueFullError

Handler = Callable[[Request], Awaitable[Response]]

PENDING = {
    "name": "pending",
    "in": "query",
    "schema": text("Names the authorization request that this browser began."),
}
"""The parameter that pages take, for the OpenAPI document."""


class FormExpiredError(InvalidRequestError):
    """The form was not given to this browser, or too long ago."""


def browser_of(browsers: BrowserCookies, request: Request) -> Browser:
    """What the browser behind `request` holds."""
    return browsers.read_cookies(header_values(request.scope, "cookie"))


class RequestOverError(FormExpiredError):
    """There is no pending request of that name that this browser began."""

    def __init__(self) -> None:
        super().__init__("the request waited too long, was answered already, or another browser began it")


async def trusted_form(browsers: BrowserCookies, request: Request) -> tuple[Parameters, Browser]:
    """The fields of a form that this server gave to this very browser (AS-23).

    Raises:
        FormExpiredError: it did not.
    """
    form, browser = await form_of(request), browser_of(browsers, request)
    if not browsers.is_csrf_token(form.get("csrf"), browser.browser_id):
        raise FormExpiredError("the form was not given to this browser")
    return form, browser


def shows_errors(errors: ErrorPages, handler: Handler) -> Handler:
    """Turn the errors a handler raises into pages."""

    @functools.wraps(handler)
    async def showing(request: Request) -> Response:
        try:
            return await handler(request)
        except FormExpiredError as error:
            note_refusal(request, error)
            return errors.expired()
        except OAuthError as error:
            return _shown(request, errors, error)
        except (StoreUnavailableError, QueueFullError) as failure:
            return _shown(request, errors, unavailable(failure))

    return showing


def _shown(request: Request, errors: ErrorPages, error: OAuthError) -> Response:
    note_refusal(request, error)
    return errors.refused(error)

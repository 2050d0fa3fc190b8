"""Checks that every posted form must pass."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.protocol.errors import InvalidRequestError, OAuthError
from auth_service.protocol.form_origin import foreign_origin
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.web.browser_cookies import Browser, BrowserCookies
from auth_service.web.error_pages import ErrorPages
from auth_service.web.form_tokens import Standing
from auth_service.web.http import form_of, note_refusal, unavailable
from auth_service.web.route import text
from shared.asgi import header_values
from shared.fair_queue import QueueFullError
from shared.languages import in_language, language_of
from shared.storage.interface import StoreUnavailableError

Handler = Callable[[Request], Awaitable[Response]]

PENDING = {
    "name": "pending",
    "in": "query",
    "schema": text("Names the authorization request that this browser began."),
}
"""The query parameter of pages, for the OpenAPI document."""


class FormExpiredError(InvalidRequestError):
    """The form was not issued to this browser, or too long ago."""


class StaleFormError(InvalidRequestError):
    """The form was issued to this browser before somebody logged in or out."""


class ForeignFormError(InvalidRequestError):
    """A page of another site sent the form."""

    status = 403


@dataclass(frozen=True, slots=True)
class PostedForm:
    """A form that this server issued to the browser that posted it.

    Attributes:
        stale: whether somebody has logged in or out in the browser since.
    """

    fields: Parameters
    browser: Browser
    stale: bool


class RequestOverError(FormExpiredError):
    """This browser has no pending request with that name."""

    def __init__(self) -> None:
        super().__init__(
            Reason.REQUEST_OVER,
            "the request has expired, is already completed, or was started in another browser",
        )


async def trusted_form(
    browsers: BrowserCookies, request: Request, *, logs_in: bool = False
) -> tuple[Parameters, Browser]:
    """Return the fields of a form issued to this browser in its current session (AS-23).

    Args:
        logs_in: whether the form begins a session, and so belongs to none yet.

    Raises:
        ForeignFormError, FormExpiredError, StaleFormError: the form fails the check.
    """
    posted = await posted_form(browsers, request, logs_in=logs_in)
    if posted.stale:
        raise StaleFormError(Reason.FORM_STALE, "a login or logout in this browser invalidated the form")
    return posted.fields, posted.browser


async def posted_form(browsers: BrowserCookies, request: Request, *, logs_in: bool = False) -> PostedForm:
    """Check a form as `trusted_form` does, for a page that can show a stale form again.

    Raises:
        ForeignFormError: another site sent the form.
        FormExpiredError: the form was not issued to this browser.
    """
    form, browser = await form_of(request), browsers.browser_of(request)
    if (sender := _foreign_sender(browsers, request)) is not None:
        raise ForeignFormError(
            Reason.FORM_FOREIGN, "the form was sent by a page of another site", detail=sender[:200]
        )
    standing = browsers.standing(form.get("csrf"), browser, logs_in=logs_in)
    if standing is Standing.FOREIGN:
        raise FormExpiredError(Reason.FORM_EXPIRED, "the form was not issued to this browser")
    return PostedForm(form, browser, standing is Standing.STALE)


def is_own_form(browsers: BrowserCookies, request: Request, form: Parameters) -> bool:
    """Whether `trusted_form` would accept `form`."""
    standing = browsers.standing(form.get("csrf"), browsers.browser_of(request))
    return standing is Standing.CURRENT and _foreign_sender(browsers, request) is None


def _foreign_sender(browsers: BrowserCookies, request: Request) -> str | None:
    origins = header_values(request.scope, "origin")
    return foreign_origin(browsers.origin, origins, header_values(request.scope, "sec-fetch-site"))


def shows_errors(errors: ErrorPages, handler: Handler) -> Handler:
    """Turn the errors raised by a handler into pages."""

    @functools.wraps(handler)
    async def showing(request: Request) -> Response:
        with in_language(language_of(request.scope)):
            return await answering(request)

    async def answering(request: Request) -> Response:
        try:
            return await handler(request)
        except FormExpiredError as error:
            note_refusal(request, error)
            return await errors.expired(request)
        except StaleFormError as error:
            note_refusal(request, error)
            return await errors.stale(request)
        except ForeignFormError as error:
            note_refusal(request, error)
            return await errors.foreign_form(request)
        except OAuthError as error:
            return await _error_page(request, errors, error)
        except (StoreUnavailableError, QueueFullError) as failure:
            return await _error_page(request, errors, unavailable(failure))

    return showing


async def _error_page(request: Request, errors: ErrorPages, error: OAuthError) -> Response:
    note_refusal(request, error)
    return await errors.refused(error, request)

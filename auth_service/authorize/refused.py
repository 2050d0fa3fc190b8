"""Shows a failed request to the person before the error goes to the client (RFC 9700 §4.11.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from auth_service.authorize.authorization_response import AuthorizationResponder
from auth_service.clients.repository import ClientRepository
from auth_service.protocol.authorization import ResponseTarget, response_target
from auth_service.protocol.client import Client
from auth_service.protocol.errors import ClientDisabledError, InvalidRequestError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.redirect_uris import destination_of
from auth_service.web.forms import RequestOverError, trusted_form
from auth_service.web.page_context import PageContext
from shared.logs import get_logger

_log = get_logger(__name__)
_CODE = re.compile(r"[a-z_]{1,60}")
_BUTTON = "back"


@dataclass(frozen=True)
class RefusedRequests:
    """Shows an error, and sends it to the client when the person presses the button."""

    clients: ClientRepository
    context: PageContext
    responder: AuthorizationResponder

    async def page(
        self, request: Request, client: Client, address: ResponseTarget, error: Mapping[str, str]
    ) -> Response:
        """Return the error page.

        Args:
            address: the client's own redirect URI.
            error: the members of the error response.
        """
        context, cookies = await self.context_of(request, client, address, error)
        return self.context.templates.render("refused_request.html", context, status=400, cookies=cookies)

    async def context_of(
        self, request: Request, client: Client, address: ResponseTarget, error: Mapping[str, str]
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return the variables of a page with the button, and the cookies that it sets."""
        browser, cookies = self.context.browsers.with_secret(self.context.browsers.browser_of(request))
        fields = {
            "csrf": self.context.browsers.form_token(browser),
            "client_id": client.client_id,
            "redirect_uri": address.redirect_uri,
            "response_mode": address.response_mode,
            "state": address.state,
            **error,
        }
        context = {
            "visitor": await self.context.errors.visitor(browser),
            "client_name": client.name,
            "destination": destination_of(address.redirect_uri),
            "error": error,
            "fields": {name: value for name, value in fields.items() if value is not None},
            "button": _BUTTON,
        }
        return context, cookies

    @staticmethod
    def is_button(parameters: Parameters) -> bool:
        """Whether a posted form is the form of the error page."""
        return parameters.get(_BUTTON) is not None

    async def pressed(self, request: Request) -> Response:
        """Send the error to the client named by the page.

        Raises:
            OAuthError: the form is not from the page, or the client no longer has the redirect URI.
        """
        form, _ = await trusted_form(self.context.browsers, request)
        client = await self.clients.get(form.require("client_id"))
        if client is None:
            raise RequestOverError
        if client.disabled:
            raise ClientDisabledError
        address = response_target(form, client)
        error = _error_in(form)
        _log.info("error redirected", client_id=client.client_id, error=error["error"])
        return self.responder.send(address, error)


def _error_in(form: Parameters) -> dict[str, str]:
    code = form.require("error")
    if not _CODE.fullmatch(code):
        raise InvalidRequestError(Reason.REDIRECTED_ERROR_MALFORMED, "error is not a valid error code")
    return {"error": code, "error_description": form.require("error_description")}

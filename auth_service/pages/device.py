"""GET and POST /device: a person types the code that a device shows (RFC 8628 §3.3)."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.authorize.pending import PendingRequests
from auth_service.device.repository import DeviceRequestRepository
from auth_service.pages.descriptions.device import OPERATIONS
from auth_service.protocol.authorization import AuthorizationRequest
from auth_service.protocol.device import DeviceRequest
from auth_service.protocol.parameters import parse_parameters
from auth_service.protocol.reasons import Reason
from auth_service.rate_limits import Throttle
from auth_service.web.browser_cookies import Browser
from auth_service.web.forms import shows_errors, trusted_form
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from shared.logs import get_logger
from shared.texts import Text

_log = get_logger(__name__)
_WRONG = Text("This code is not valid. Codes expire after ten minutes.")


@dataclass(frozen=True, kw_only=True)
class DevicePage:
    """Finds the device's request by its code and passes it to /authorize, like any other request."""

    devices: DeviceRequestRepository
    pending: PendingRequests
    context: PageContext
    throttle: Throttle

    async def handle(self, request: Request) -> Response:
        return await (self._submit(request) if request.method == "POST" else self._show(request))

    async def _show(self, request: Request) -> Response:
        typed = parse_parameters(request.scope["query_string"]).get("user_code") or ""
        return self._form(self.context.browsers.browser_of(request), typed)

    def _form(self, browser: Browser, typed: str, wrong: str = "", status: int = 200) -> Response:
        browser, cookies = self.context.browsers.with_secret(browser)
        context = {"csrf": self.context.browsers.form_token(browser), "user_code": typed, "wrong": wrong}
        return self.context.templates.render("device.html", context, status=status, cookies=cookies)

    async def _submit(self, request: Request) -> Response:
        form, browser = await trusted_form(self.context.browsers, request)
        typed, network = form.get("user_code") or "", self.context.networks.network_of(request)
        # RFC 8628 §5.1: a code short enough to type is short enough to guess, so attempts are counted.
        await self.throttle.attempt(network)
        device_request = await self.devices.by_user_code(typed)
        if device_request is None:
            _log.info(
                "refused",
                reason=_WRONG,
                reason_code=Reason.USER_CODE_UNKNOWN.code,
                status=400,
                method="POST",
                path="/device",
            )
            return self._form(browser, typed, _WRONG, 400)
        await self.throttle.refund(network)
        pending_id = await self.pending.begin(_request(*device_request), browser.browser_id or "")
        return see_other(f"authorize?pending={pending_id}")

    def endpoint(self) -> Endpoint:
        """Return the endpoint of the page."""
        return Endpoint(
            path="/device",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET", "POST"),
            operations=OPERATIONS,
        )


def _request(name: str, device: DeviceRequest) -> AuthorizationRequest:
    return AuthorizationRequest(
        client_id=device.client_id,
        redirect_uri="",
        redirect_uri_given=False,
        response_mode="query",
        scopes=device.scopes,
        resource=device.resource,
        device=name,
    )

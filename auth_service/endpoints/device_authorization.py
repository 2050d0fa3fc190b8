"""POST /device_authorization (RFC 8628 §3.1)."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.client_auth.authentication import ClientAuthentication
from auth_service.device.repository import DeviceRequestRepository
from auth_service.protocol.device import GRANT_TYPE, INTERVAL_S, TTL_S, shown_user_code
from auth_service.protocol.errors import UnauthorizedClientError
from auth_service.protocol.reasons import Reason
from auth_service.protocol.resources import ResourceRegistry
from auth_service.rate_limits import Throttle
from auth_service.web.client_networks import ClientNetworks
from auth_service.web.http import answers_errors, authorization_of, form_of, json_response
from auth_service.web.route import (
    CLIENT_PARAMETERS,
    CLIENT_SECURITY,
    Endpoint,
    answer,
    error,
    form,
    text,
)
from shared.asgi import CorsPolicy


@dataclass(frozen=True, kw_only=True)
class DeviceAuthorizationEndpoint:
    """Gives a device without a browser two codes: one to poll with, one for its person to type."""

    authentication: ClientAuthentication
    devices: DeviceRequestRepository
    resource_registry: ResourceRegistry
    throttle: Throttle
    networks: ClientNetworks
    issuer: str

    async def handle(self, request: Request) -> Response:
        origin = self.networks.network_of(request)
        await self.throttle.attempt(origin)
        parameters = await form_of(request)
        client = await self.authentication.authenticate(authorization_of(request), parameters, origin)
        if GRANT_TYPE not in client.grant_types:
            raise UnauthorizedClientError(
                Reason.GRANT_TYPE_NOT_REGISTERED, "this client did not register the device_code grant"
            )
        scope = parameters.get("scope") or client.metadata.get("scope")
        resource = self.resource_registry.resource_for(parameters.resource(), scope)
        scopes = self.resource_registry.resolve_scopes(scope, resource)
        device_code, begun = await self.devices.begin(
            client.client_id, scopes, resource.resource if resource else None
        )
        page, code = f"{self.issuer}/device", shown_user_code(begun.user_code)
        return json_response(
            {
                "device_code": device_code,
                "user_code": code,
                "verification_uri": page,
                "verification_uri_complete": f"{page}?user_code={code}",
                "expires_in": TTL_S,
                "interval": INTERVAL_S,
            }
        )

    def endpoint(self) -> Endpoint:
        """The endpoint with its description."""
        handler = answers_errors(self.handle)
        cors = CorsPolicy(("POST",))
        return Endpoint(
            path="/device_authorization",
            handler=handler,
            methods=("POST",),
            operations={"POST": _OPERATION},
            cors=cors,
        )


_OPERATION = {
    "summary": "Ask for access from a device without a browser",
    "description": "RFC 8628. Show the user code and the address to the person, and poll /token meanwhile.",
    "tags": ["OAuth"],
    "security": CLIENT_SECURITY,
    "requestBody": form(
        {
            "scope": text("Space-separated; defaults to the default scopes of the resource."),
            "resource": text("The MCP URL; optional if there is only one."),
            **CLIENT_PARAMETERS,
        },
        (),
        {"public client": {"client_id": "…", "scope": "notes:read"}},
    ),
    "responses": {
        "200": answer(
            "The two codes.",
            {
                "device_code": "dw_dc_…",
                "user_code": "WDJB-MJHT",
                "verification_uri": "http://localhost:9000/device",
                "verification_uri_complete": "http://localhost:9000/device?user_code=WDJB-MJHT",
                "expires_in": TTL_S,
                "interval": INTERVAL_S,
            },
        ),
        "400": error("Refused.", "unauthorized_client", "this client did not register the device_code grant"),
        "429": error("Too many from one network.", "temporarily_unavailable", "too many attempts"),
        "401": error(
            "The client is unknown or did not prove itself.", "invalid_client", "the secret is wrong"
        ),
    },
}

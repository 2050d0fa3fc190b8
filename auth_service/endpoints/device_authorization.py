"""POST /device_authorization (RFC 8628 §3.1)."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.client_auth.authentication import ClientAuthentication
from auth_service.device.repository import DeviceRequestRepository
from auth_service.endpoints.descriptions.device_authorization import OPERATION
from auth_service.protocol.device import GRANT_TYPE, INTERVAL_S, TTL_S, shown_user_code
from auth_service.protocol.errors import UnauthorizedClientError
from auth_service.protocol.reasons import Reason
from auth_service.protocol.resources import ResourceRegistry
from auth_service.rate_limits import Throttle
from auth_service.web.client_networks import ClientNetworks
from auth_service.web.http import answers_errors, form_of, json_response
from auth_service.web.route import (
    Endpoint,
)
from shared.asgi import CorsPolicy, header_values


@dataclass(frozen=True, kw_only=True)
class DeviceAuthorizationEndpoint:
    """Issues two codes to a device without a browser: one to poll with, one for its user to type."""

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
        client = await self.authentication.authenticate(
            header_values(request.scope, "authorization"), parameters, origin
        )
        if GRANT_TYPE not in client.grant_types:
            raise UnauthorizedClientError(
                Reason.GRANT_TYPE_NOT_REGISTERED, "this client did not register the device_code grant"
            )
        scope = parameters.get("scope") or client.metadata.get("scope")
        resource = self.resource_registry.resource_for(parameters.resource(), scope, client=client)
        scopes = self.resource_registry.resolve_scopes(scope, resource, client=client)
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
        """Return the endpoint with its description."""
        handler = answers_errors(self.handle)
        cors = CorsPolicy(("POST",))
        return Endpoint(
            path="/device_authorization",
            handler=handler,
            methods=("POST",),
            operations={"POST": OPERATION},
            cors=cors,
            direct=True,
        )

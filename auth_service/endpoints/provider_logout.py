"""POST /backchannel-logout/{provider}: an identity provider sends a logout (Back-Channel Logout §2.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.endpoints.descriptions.provider_logout import OPERATION
from auth_service.federation.errors import ProviderUnavailableError
from auth_service.federation.provider_logout import ProviderLogout
from auth_service.protocol.errors import InvalidRequestError, TemporarilyUnavailableError
from auth_service.protocol.federated_identity import InvalidProviderResponseError
from auth_service.protocol.identity_providers import IdentityProvider
from auth_service.protocol.reasons import Reason
from auth_service.rate_limits import Throttle
from auth_service.web.client_networks import ClientNetworks
from auth_service.web.http import answers_errors, form_of
from auth_service.web.route import Endpoint
from shared.asgi import not_found


@dataclass(frozen=True, kw_only=True)
class ProviderLogoutEndpoint:
    """Accepts logout tokens of the configured identity providers."""

    providers: Mapping[str, IdentityProvider]
    logout: ProviderLogout
    throttle: Throttle
    networks: ClientNetworks

    async def handle(self, request: Request) -> Response:
        provider = self.providers.get(request.path_params["provider"])
        if provider is None or provider.preset.protocol != "openid":
            return not_found(request.scope)
        logout_token = (await form_of(request)).require("logout_token")
        await self.throttle.attempt(self.networks.network_of(request))
        try:
            await self.logout.end(provider, logout_token)
        except InvalidProviderResponseError as refused:
            raise InvalidRequestError(
                Reason.LOGOUT_TOKEN_INVALID, "the logout token is not valid", detail=refused.reason
            ) from refused
        except ProviderUnavailableError as outage:
            raise TemporarilyUnavailableError(
                Reason.PROVIDER_UNAVAILABLE,
                "the keys of the provider cannot be fetched; try again",
                detail=outage.reason,
            ) from outage
        return Response(status_code=200, headers={"Cache-Control": "no-store"})

    def endpoint(self) -> Endpoint:
        """Return the endpoint with its description."""
        return Endpoint(
            path="/backchannel-logout/{provider}",
            handler=answers_errors(self.handle),
            methods=("POST",),
            operations={"POST": OPERATION},
        )

"""POST /par: pushed authorization requests (RFC 9126)."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.authorize.requests import PUSHED_TTL_S, AuthorizationRequests
from auth_service.client_auth.authentication import ClientAuthentication
from auth_service.client_auth.dpop import DpopProofs
from auth_service.endpoints.descriptions.par import OPERATION
from auth_service.protocol.authorization import response_target, validate
from auth_service.protocol.client import Client
from auth_service.protocol.client_authentication import CREDENTIALS
from auth_service.protocol.errors import InvalidDpopProofError, InvalidRequestError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.pkce import PkcePolicy
from auth_service.protocol.proof_source import proof_source
from auth_service.protocol.reasons import Reason
from auth_service.protocol.resources import ResourceRegistry
from auth_service.rate_limits import Throttle
from auth_service.web.client_networks import ClientNetworks
from auth_service.web.http import answers_errors, form_of, json_response
from auth_service.web.route import (
    Endpoint,
)
from shared.asgi import CorsPolicy, header_values

# Client authentication is not part of the authorization request.


@dataclass(frozen=True, kw_only=True)
class PushEndpoint:
    """Validates an authorization request sent by the client itself, and gives it a name.

    Attributes:
        url: the endpoint's public URL, which DPoP proofs name.
    """

    authentication: ClientAuthentication
    requests: AuthorizationRequests
    dpop: DpopProofs
    resource_registry: ResourceRegistry
    throttle: Throttle
    networks: ClientNetworks
    pkce_policy: PkcePolicy
    url: str

    async def handle(self, request: Request) -> Response:
        origin = self.networks.network_of(request)
        await self.throttle.attempt(origin)
        form = await form_of(request)
        # As at the token endpoint: a missing nonce does not use up an assertion.
        proof = await self.dpop.read_proof(
            header_values(request.scope, "dpop"), "POST", self.url, source=origin
        )
        client = await self.authentication.authenticate(
            header_values(request.scope, "authorization"), form, origin
        )
        parameters = await self.requests.unwrap(self._authorization_parameters(form, client), client)
        address = response_target(parameters, client)
        validate(parameters, client, address, self.resource_registry, pkce_policy=self.pkce_policy)
        if not address.redirect_uri_given:
            raise InvalidRequestError(
                Reason.REDIRECT_URI_MISSING, "redirect_uri is missing"
            )  # FAPI 2.0 Security Profile §5.3.2.2
        jkt = await self.dpop.use(proof, proof_source(client, origin))
        request_uri = await self.requests.push(client, _bound(parameters, jkt))
        return json_response({"request_uri": request_uri, "expires_in": PUSHED_TTL_S}, 201)

    @staticmethod
    def _authorization_parameters(form: Parameters, client: Client) -> Parameters:
        if form.get("request_uri") is not None:
            raise InvalidRequestError(
                Reason.REQUEST_URI_NOT_PUSHED, "request_uri cannot be pushed"
            )  # RFC 9126 §2.1
        values = {name: value for name, value in form.values.items() if name not in CREDENTIALS}
        return Parameters({**values, "client_id": client.client_id}, form.resources)

    def endpoint(self) -> Endpoint:
        """Return the endpoint with its description."""
        return Endpoint(
            path="/par",
            handler=answers_errors(self.handle),
            methods=("POST",),
            operations={"POST": OPERATION},
            cors=_CORS,
            direct=True,
        )


def _bound(parameters: Parameters, jkt: str | None) -> Parameters:
    """Return the request for a code bound to the key of its DPoP proof (RFC 9449 §10.1)."""
    if jkt is None:
        return parameters
    if parameters.get("dpop_jkt") not in (None, jkt):
        raise InvalidDpopProofError(
            Reason.DPOP_JKT_INVALID, "dpop_jkt does not match the key of the DPoP proof"
        )
    return Parameters({**parameters.values, "dpop_jkt": jkt}, parameters.resources)


_CORS = CorsPolicy(("POST",), exposed=("WWW-Authenticate", "X-Request-Id", "DPoP-Nonce"))

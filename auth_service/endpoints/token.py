"""POST /token (RFC 6749 §3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.client_auth.authentication import ClientAuthentication
from auth_service.client_auth.dpop import DpopProofs
from auth_service.endpoints.descriptions.token import OPERATION
from auth_service.grants.base import Begun, GrantType, TokenRequest
from auth_service.grants.reading_ahead import begin_reading, end_reading
from auth_service.grants.token_issuer import TokenIssuer, TokenResponses
from auth_service.journal.journal import Journal
from auth_service.protocol.client import Client
from auth_service.protocol.client_authentication import CREDENTIALS
from auth_service.protocol.device import GRANT_TYPE as DEVICE_CODE
from auth_service.protocol.errors import (
    InvalidRequestError,
    OAuthError,
    UnauthorizedClientError,
    UnsupportedGrantTypeError,
)
from auth_service.protocol.jwt_bearer import GRANT_TYPE as JWT_BEARER
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.proof_source import proof_source
from auth_service.protocol.reasons import Reason
from auth_service.web.client_networks import ClientNetworks
from auth_service.web.http import answers_errors, form_of, json_response
from auth_service.web.route import (
    Endpoint,
)
from shared.asgi import CorsPolicy, header_values
from shared.asgi.noted_caller import Requester, note_caller
from shared.clock import Clock
from shared.dpop import Proof
from shared.journal.event import EventKind


@dataclass(frozen=True, kw_only=True)
class TokenEndpoint:
    """Handles token requests: the common steps are here, those of a grant type in its file.

    Attributes:
        grant_types: the grant types, by name.
        url: the endpoint's public URL, which DPoP proofs name.
    """

    authentication: ClientAuthentication
    grant_types: Mapping[str, GrantType]
    dpop: DpopProofs
    token_issuer: TokenIssuer
    clock: Clock
    networks: ClientNetworks
    url: str
    journal: Journal

    async def handle(self, request: Request) -> Response:
        # 1. The credentials.
        parameters = await form_of(request)
        parameters.require("grant_type")
        # 2. The key that the request proves possession of, if any: before an assertion is used up, so that a
        # client that only lacks a nonce can send the assertion again (RFC 9449 §8).
        network = self.networks.network_of(request)
        proof = await self.dpop.read_proof(
            header_values(request.scope, "dpop"), "POST", self.url, source=network
        )
        # 3. The client, and in the same exchange what its grant type reads first.
        grant_type = self.grant_types.get(parameters.require("grant_type"))
        begun = begin_reading(grant_type, parameters, int(self.clock()))
        try:
            client = await self._client(header_values(request.scope, "authorization"), parameters, network)
            note_caller(request.scope, Requester(client_id=client.client_id or None))
            try:
                return await self._redeem(
                    client, grant_type, parameters, proof=proof, network=network, begun=begun
                )
            except OAuthError as error:
                self._note_refusal(client, error)
                raise
        finally:
            end_reading(begun)

    async def _redeem(
        self,
        client: Client,
        grant_type: GrantType | None,
        parameters: Parameters,
        *,
        proof: Proof | None,
        network: str,
        begun: Begun | None,
    ) -> Response:
        # 4. A grant type that exists and that the client registered.
        if grant_type is None:
            raise UnsupportedGrantTypeError(
                Reason.GRANT_TYPE_UNSUPPORTED, "this server does not support the grant_type"
            )
        self._check_registered(client.grant_types, parameters.require("grant_type"))
        # 5. The key that the tokens will be bound to, if any.
        source = proof_source(client, network)
        jkt = await self.dpop.use(proof, source)
        if jkt is None and client.metadata.get("dpop_bound_access_tokens"):
            raise InvalidRequestError(Reason.DPOP_PROOF_REQUIRED, "this client must send a DPoP proof")
        # 6. Scope and resource, by the rules of the grant. The response is made before the code or refresh
        # token is used up: after a failure (to sign, to read the user), the client can try again.
        tokens = TokenResponses(self.token_issuer, client)
        grant = await grant_type.redeem(
            TokenRequest(
                client=client,
                parameters=parameters,
                now=int(self.clock()),
                proof_source=source,
                jkt=jkt,
                prepare=tokens.prepare,
                begun=begun,
            )
        )
        return json_response(await tokens.of(grant))

    def _note_refusal(self, client: Client, error: OAuthError) -> None:
        # Anybody can use the id of a client without a secret: such refusals prove nothing about anybody, and
        # would let strangers fill the journal.
        if client.client_id and client.metadata.get("token_endpoint_auth_method") != "none":
            self.journal.note(
                EventKind.TOKENS_REFUSED, client=client.client_id, reason_code=error.reason.code
            )

    async def _client(self, authorization: list[str], parameters: Parameters, network: str) -> Client:
        if (
            parameters.get("grant_type") == JWT_BEARER
            and not authorization
            and not CREDENTIALS & set(parameters.values)
        ):
            return _NOBODY  # a workload, identified by its assertion (EXT-4)
        return await self.authentication.authenticate(authorization, parameters, network)

    @staticmethod
    def _check_registered(registered: tuple[str, ...], name: str) -> None:
        # A client that was granted offline_access may use its refresh token even if it did not register the
        # grant type.
        if name not in registered and not (name == "refresh_token" and _USER_GRANTS & set(registered)):
            raise UnauthorizedClientError(
                Reason.GRANT_TYPE_NOT_REGISTERED, f"this client did not register the grant type {name}"
            )

    def endpoint(self) -> Endpoint:
        """Return the endpoint with its description."""
        return Endpoint(
            path="/token",
            handler=answers_errors(self.handle),
            methods=("POST",),
            operations={"POST": OPERATION},
            cors=_CORS,
            direct=True,
        )


_NOBODY = Client(
    client_id="", created_at=0, metadata={"grant_types": [JWT_BEARER], "token_endpoint_auth_method": "none"}
)
_USER_GRANTS = {"authorization_code", DEVICE_CODE}
_CORS = CorsPolicy(("POST",), exposed=("WWW-Authenticate", "X-Request-Id", "Retry-After", "DPoP-Nonce"))

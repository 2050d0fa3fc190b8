"""POST /revoke (RFC 7009)."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from auth_service.client_auth.authentication import ClientAuthentication
from auth_service.crypto.handles import Kind
from auth_service.endpoints.descriptions.revoke import OPERATION
from auth_service.grants.repository import GrantRepository
from auth_service.grants.token_reader import TokenReader
from auth_service.protocol.grant import revoke_by_client
from auth_service.web.client_networks import ClientNetworks
from auth_service.web.http import answers_errors, form_of
from auth_service.web.route import Endpoint
from shared.asgi import CorsPolicy, header_values
from shared.logs import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True)
class RevokeEndpoint:
    """Revokes the grant behind a client's own token; says nothing about any other token."""

    authentication: ClientAuthentication
    tokens: TokenReader
    grants: GrantRepository
    networks: ClientNetworks

    async def handle(self, request: Request) -> Response:
        parameters = await form_of(request)
        client = await self.authentication.authenticate(
            header_values(request.scope, "authorization"),
            parameters,
            network=self.networks.network_of(request),
            to_revoke=True,
        )
        token_and_grant = await self.tokens.read_token(parameters.require("token"))
        if token_and_grant is not None and token_and_grant[0].kind is not Kind.CODE:
            await self._revoke(token_and_grant[0].grant_id, client.client_id)
        # RFC 7009 §2.2: a token that is no longer valid is not an error.
        return Response(status_code=200, headers={"Cache-Control": "no-store"})

    async def _revoke(self, grant_id: str, client_id: str) -> None:
        if await self.grants.change(grant_id, lambda grant: revoke_by_client(grant, client_id)):
            _log.info("grant revoked", grant_id=grant_id, client_id=client_id, by="client")

    def endpoint(self) -> Endpoint:
        """Return the endpoint with its description."""
        return Endpoint(
            path="/revoke",
            handler=answers_errors(self.handle),
            methods=("POST",),
            operations={"POST": OPERATION},
            cors=CorsPolicy(("POST",)),
            direct=True,
        )

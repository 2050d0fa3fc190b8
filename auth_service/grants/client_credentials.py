"""The client credentials grant (OAuth 2.1 §4.2), for a client acting on its own behalf."""

from __future__ import annotations

from auth_service.grants.base import TokenRequest
from auth_service.grants.grant_factory import GrantFactory
from auth_service.protocol.errors import UnauthorizedClientError
from auth_service.protocol.grant import Grant
from auth_service.protocol.reasons import Reason
from auth_service.protocol.resources import ProtectedResource, ResourceRegistry
from shared.scopes import parse_scope


class ClientCredentials:
    """Grants a confidential client its registered scopes, without a user or a refresh token."""

    name = "client_credentials"

    def __init__(self, grant_factory: GrantFactory, resource_registry: ResourceRegistry) -> None:
        self._grant_factory = grant_factory
        self._resource_registry = resource_registry

    async def redeem(self, request: TokenRequest) -> Grant:
        if not request.client.confidential:
            # OAuth 2.1 §4.2: only for confidential clients.
            raise UnauthorizedClientError(
                Reason.CLIENT_NOT_CONFIDENTIAL, "client_credentials requires a client that can authenticate"
            )
        resource = self._resource_registry.resource_for(request.parameters.resource(), client=request.client)
        scopes = self._scopes(request, resource)
        draft = self._grant_factory.draft(
            request.client, scopes, resource.resource if resource else None, request.now, jkt=request.jkt
        )
        return await self._grant_factory.open_active(draft, request.prepare)

    def _scopes(self, request: TokenRequest, resource: ProtectedResource | None) -> tuple[str, ...]:
        registered = request.client.metadata.get("scope")
        granted = self._resource_registry.resolve_scopes(
            request.parameters.get("scope") or registered, resource
        )
        # Without a user, the server's own scopes, which concern users, do not apply.
        granted = tuple(scope for scope in granted if scope not in self._resource_registry.own_scopes)
        if not registered:
            return granted
        allowed = parse_scope(registered)
        return tuple(scope for scope in granted if scope in allowed)

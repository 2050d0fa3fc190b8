"""Introspection callers: configured resource servers and confidential clients."""

from __future__ import annotations

from collections.abc import Iterable

from auth_service.client_auth.authentication import ClientAuthentication
from auth_service.crypto.secrets import digest, matches
from auth_service.protocol.client_authentication import CREDENTIALS, present
from auth_service.protocol.errors import InvalidClientError
from auth_service.protocol.introspection import IntrospectionCaller
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.resource_settings import ResourceServer
from shared.http_exchange import basic_authorization

__all__ = ["IntrospectionCaller", "IntrospectionCallers"]


class IntrospectionCallers:
    """Authenticates the callers of the introspection endpoint (RFC 7662 §2.1)."""

    def __init__(
        self, authentication: ClientAuthentication, resource_servers: Iterable[ResourceServer]
    ) -> None:
        resource_servers = list(resource_servers)
        self._authentication = authentication
        self._servers = {
            server.id: (
                digest(server.secret.get_secret_value()),
                IntrospectionCaller(
                    server.id, resources=frozenset(resource.resource for resource in server.resources)
                ),
            )
            for server in resource_servers
        }
        self._by_header = {
            digest(basic_authorization(server.id, server.secret.get_secret_value())): self._servers[
                server.id
            ][1]
            for server in resource_servers
        }

    def resource_server(self, authorization: list[str], parameters: Parameters) -> IntrospectionCaller | None:
        """Return the resource server that authenticated by HTTP Basic in the usual spelling, at little cost.

        None says nothing: `authenticate` decides.
        """
        return self.by_header(authorization) if CREDENTIALS.isdisjoint(parameters.values) else None

    def by_header(self, authorization: list[str]) -> IntrospectionCaller | None:
        """Do the same for a request without credentials in its body."""
        return self._by_header.get(digest(authorization[0])) if len(authorization) == 1 else None

    async def authenticate(
        self, authorization: list[str], parameters: Parameters, network: str | None = None
    ) -> IntrospectionCaller:
        """Return the authenticated caller.

        Args:
            network: the network of the request; its assertions are counted.

        Raises:
            InvalidClientError: the caller failed to authenticate, or has no credentials.
            InvalidRequestError: the request uses two authentication methods at once.
        """
        presented = present(authorization, parameters)
        if presented.secret is None and presented.assertion is None:
            raise InvalidClientError(Reason.CALLER_NOT_AUTHENTICATED, "the caller must authenticate")
        server = self._servers.get(presented.client_id or "")
        if server is not None and presented.secret is not None:
            kept, caller = server
            if not matches(presented.secret, kept):
                raise InvalidClientError(
                    Reason.RESOURCE_SECRET_WRONG, "the secret of the resource server is wrong"
                )
            return caller
        client = await self._authentication.authenticate(authorization, parameters, network=network)
        return IntrospectionCaller(client.client_id, client_id=client.client_id, sector=client.sector)

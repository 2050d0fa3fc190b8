"""Client authentication, by the method that the client registered (OAuth 2.1 §2.4)."""

from __future__ import annotations

from auth_service.client_auth.assertions import ClientAssertions
from auth_service.clients.client_resolver import ClientResolver
from auth_service.crypto import secrets
from auth_service.protocol.client import Client
from auth_service.protocol.client_authentication import PresentedCredentials, present
from auth_service.protocol.client_secrets import accepted_hashes
from auth_service.protocol.errors import ClientDisabledError, InvalidClientError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from shared.clock import Clock, system_clock
from shared.jose import UnverifiedJws


class ClientAuthentication:
    """Identifies and authenticates the client that sent a request."""

    def __init__(
        self, client_resolver: ClientResolver, assertions: ClientAssertions, clock: Clock = system_clock
    ) -> None:
        self._client_resolver = client_resolver
        self._clock = clock
        self._assertions = assertions

    async def authenticate(
        self,
        authorization: list[str],
        parameters: Parameters,
        origin: str | None = None,
        *,
        network: str | None = None,
        to_revoke: bool = False,
    ) -> Client:
        """Return the client that sent the request; a confidential client must authenticate (AS-11).

        Args:
            authorization: the values of every Authorization header.
            origin: the network of the request, if it may come from a client unknown so far whose client_id is
                the URL of a metadata document; the document is then fetched.
            network: the network of the request; its assertions are counted.
            to_revoke: whether this is a revocation request, which must succeed even while the store is full
                and after too many assertions.

        Raises:
            ClientDisabledError: an administrator has disabled the client.
            InvalidClientError: the client is unknown or failed to authenticate.
            InvalidRequestError: the request uses two authentication methods at once.
        """
        client = await self._authenticated(
            authorization, parameters, origin, network=network, to_revoke=to_revoke
        )
        # Afterwards: nobody else learns that it is disabled. Its tokens may be revoked by it nevertheless.
        if client.disabled and not to_revoke:
            raise ClientDisabledError
        return client

    async def _authenticated(
        self,
        authorization: list[str],
        parameters: Parameters,
        origin: str | None,
        *,
        network: str | None,
        to_revoke: bool,
    ) -> Client:
        presented = present(authorization, parameters)
        if presented.assertion is not None:
            client, token = await self._asserted(presented, presented.assertion, origin)
            await self._assertions.verify_assertion(client, token, origin or network, to_revoke=to_revoke)
            return client
        client = await self._resolve(presented.client_id or "", origin)
        if client.auth_method == "private_key_jwt":
            raise InvalidClientError(
                Reason.CLIENT_ASSERTION_REQUIRED, "this client must authenticate with private_key_jwt"
            )
        if presented.secret is None:
            if client.confidential:
                raise InvalidClientError(
                    Reason.CLIENT_SECRET_MISSING, "this client must authenticate with its secret"
                )
        elif not self._is_secret(client, presented.secret):
            raise InvalidClientError(Reason.CLIENT_SECRET_WRONG, "the client secret is wrong")
        return client

    def _is_secret(self, client: Client, secret: str) -> bool:
        hashes = accepted_hashes(client, self._clock())
        return any(secrets.matches(secret, accepted) for accepted in hashes)

    async def _asserted(
        self, presented: PresentedCredentials, assertion: str, origin: str | None
    ) -> tuple[Client, UnverifiedJws]:
        """The client that an assertion is said to be from, with the assertion, which is unverified."""
        token, claimed = self._assertions.parse(assertion)
        if presented.client_id not in (None, claimed):
            raise InvalidClientError(
                Reason.CLIENT_ID_MISMATCH, "client_id is not the one in the client assertion"
            )
        client = await self._resolve(claimed, origin)
        if client.auth_method != "private_key_jwt":
            raise InvalidClientError(
                Reason.CLIENT_ASSERTION_NOT_REGISTERED, "this client did not register private_key_jwt"
            )
        return client, token

    async def _resolve(self, client_id: str, origin: str | None) -> Client:
        client = await self._client_resolver.resolve_for_token(client_id, origin)
        if client is None:
            raise InvalidClientError(
                Reason.CLIENT_UNKNOWN, "this client is not registered; register it again"
            )
        return client

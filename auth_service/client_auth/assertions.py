"""Clients that prove who they are with a signature: `private_key_jwt` (RFC 7523 §2.2, OIDC Core §9)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from auth_service.client_auth.proof_replay_cache import ProofReplayCache
from auth_service.clients.keys import ClientKeys
from auth_service.protocol.client import Client
from auth_service.protocol.errors import InvalidClientError, SlowDownError
from auth_service.protocol.proof_source import ProofSource, proof_source
from auth_service.protocol.reasons import Reason
from auth_service.storage import keys
from shared import jwt_claims
from shared.clock import Clock
from shared.jose import ASYMMETRIC, InvalidJwsError, UnverifiedJws, parse
from shared.jwt_claims import ClaimError
from shared.signatures import Signatures
from shared.storage.interface import StoreFullError

LONGEST_S = 3_600
FAPI_ALGORITHMS = ("PS256", "ES256")
"""FAPI 2.0 Security Profile §5.4.1."""
MOST_USED_HERE = 10_000


class ClientAssertions:
    """Checks the JWTs that clients sign for this server, each one good for one time."""

    def __init__(
        self,
        *,
        proof_replay_cache: ProofReplayCache,
        client_keys: ClientKeys,
        signatures: Signatures,
        issuer: str,
        endpoints: Iterable[str],
        clock: Clock,
    ) -> None:
        self._proof_replay_cache = proof_replay_cache
        self._client_keys = client_keys
        self._signatures = signatures
        self._issuer = issuer
        self._audiences = (issuer, *endpoints)
        self._clock = clock
        self._used_here: OrderedDict[str, None] = OrderedDict()

    def parse(self, assertion: str) -> tuple[UnverifiedJws, str]:
        """Take an assertion apart; returns it with the client it is said to be from, which is unverified.

        Raises:
            InvalidClientError: it is not a JWT, or does not name exactly one client.
        """
        try:
            token = parse(assertion)
            issuer = jwt_claims.text(token.unverified_claims, "iss")
            if jwt_claims.text(token.unverified_claims, "sub") != issuer:
                raise ClaimError("iss and sub differ")
        except ValueError as error:
            raise _refused(error) from error
        return token, issuer

    async def verify_assertion(
        self, client: Client, token: UnverifiedJws, origin: str | None = None, *, to_revoke: bool = False
    ) -> None:
        """Check that `client` signed the assertion, for this server, now, and has not used it before.

        Args:
            origin: the network that the request comes from.
            to_revoke: whether it comes with a revocation, which must succeed while the store is full and when
                too many assertions were used. Its use is remembered by this process alone then.

        Raises:
            InvalidClientError: it did not.
            SlowDownError: too many of this source are remembered.
        """
        now = self._clock()
        try:
            # What costs nothing to check comes before the signature, and before keys are fetched.
            claims = token.unverified_claims
            self._check_audience(claims, client)
            expires_at = jwt_claims.check_lifetime(claims, now, longest_s=LONGEST_S)
            used = keys.once("client-assertion", client.client_id, jwt_claims.text(claims, "jti"))
            await self._check_signature(client, token, origin)
        except (InvalidJwsError, ClaimError) as error:
            raise _refused(error) from error
        remembered_s = expires_at + jwt_claims.SKEW_S + 1 - int(now)
        source = proof_source(client, origin)
        if used in self._used_here or not await self._use(used, source, remembered_s, to_revoke=to_revoke):
            raise InvalidClientError(Reason.CLIENT_ASSERTION_REPLAYED, "the client assertion was used before")

    async def _use(self, used: str, source: ProofSource, remembered_s: int, *, to_revoke: bool) -> bool:
        try:
            return await self._proof_replay_cache.use(used, source, ttl_s=remembered_s)
        except (StoreFullError, SlowDownError):
            if not to_revoke:
                raise
        self._used_here[used] = None
        if len(self._used_here) > MOST_USED_HERE:
            self._used_here.popitem(last=False)
        return True

    async def _check_signature(self, client: Client, token: UnverifiedJws, origin: str | None) -> None:
        alg = client.metadata.get("token_endpoint_auth_signing_alg")
        accepted = FAPI_ALGORITHMS if client.follows_fapi else ASYMMETRIC
        await self._signatures.verify_signature(
            token,
            await self._client_keys.keys_of(client, token.header.get("kid")),
            algorithms=[name for name in accepted if alg in (None, name)],
            types=(None, "jwt", "client-authentication+jwt"),
            source=origin or client.client_id,
        )

    def _check_audience(self, claims: Mapping[str, Any], client: Client) -> None:
        # FAPI 2.0 Security Profile §5.3.2.1: the issuer alone, as a string, so that no other server to which
        # a client was led could use an assertion here. Others may name what they post to (AS-11).
        if client.follows_fapi and claims.get("aud") != self._issuer:
            raise ClaimError("aud is not the issuer")
        jwt_claims.check_audience(claims, self._audiences)


def _refused(error: ValueError) -> InvalidClientError:
    return InvalidClientError(Reason.CLIENT_ASSERTION_INVALID, f"the client assertion is not valid: {error}")

"""The JWT bearer grant (RFC 7523 §2.1): identity assertions of companies, identities of workloads."""

from __future__ import annotations

from collections.abc import Sequence

from auth_service.client_auth.proof_replay_cache import ProofReplayCache
from auth_service.clients.keys import PublishedKeys
from auth_service.grants.base import TokenRequest
from auth_service.grants.grant_factory import GrantFactory
from auth_service.protocol import jwt_bearer as trusted_issuers
from auth_service.protocol.client import Client
from auth_service.protocol.errors import (
    InvalidClientError,
    InvalidGrantError,
    InvalidTargetError,
    OAuthError,
    UnauthorizedClientError,
)
from auth_service.protocol.grant import Grant
from auth_service.protocol.jwt_bearer import GRANT_TYPE, WORKLOAD_PREFIX, TrustedIssuer
from auth_service.protocol.owner import Owner
from auth_service.protocol.reasons import Reason
from auth_service.protocol.resources import ResourceRegistry
from auth_service.storage import keys
from shared.jose import ASYMMETRIC, Claims, InvalidJwsError, UnverifiedJws, parse
from shared.replacing import replace
from shared.signatures import Signatures
from shared.storage.interface import StoreUnavailableError


class JwtBearer:
    """Grants what a trusted issuer allows, without a refresh token: clients can present new assertions."""

    name = GRANT_TYPE

    def __init__(
        self,
        *,
        proof_replay_cache: ProofReplayCache,
        grant_factory: GrantFactory,
        resource_registry: ResourceRegistry,
        published: PublishedKeys,
        signatures: Signatures,
        issuers: Sequence[TrustedIssuer],
        audiences: Sequence[str],
    ) -> None:
        self._proof_replay_cache = proof_replay_cache
        self._grant_factory = grant_factory
        self._resource_registry = resource_registry
        self._published = published
        self._signatures = signatures
        self._issuers = {issuer.issuer: issuer for issuer in issuers}
        self._audiences = audiences

    async def redeem(self, request: TokenRequest) -> Grant:
        trusted, claims, expires_at = await self._verified(request)
        draft = self._by_profile(request, trusted, claims)
        used = _single_use(trusted, claims)
        if used is not None and await self._proof_replay_cache.was_used(used):
            raise _replayed()
        life_ends_at = min(draft.expires_at, max(expires_at, request.now + 1))
        grant = await self._grant_factory.open_active(
            replace(draft, jkt=request.jkt, refreshable=False, expires_at=life_ends_at), request.prepare
        )
        if used is not None:
            await self._use_up(used, grant, request, expires_at)
        return grant

    async def _verified(self, request: TokenRequest) -> tuple[TrustedIssuer, Claims, int]:
        try:
            token = parse(request.parameters.require("assertion"))
            trusted = self._trusted(token)
            # Cheap to check, so it comes before the signature.
            expires_at = trusted_issuers.check_assertion(
                token.unverified_claims, self._audiences, request.now
            )
            issuer_keys = await self._published.keys_for(
                trusted.jwks, trusted.jwks_uri, token.header.get("kid")
            )
            types = trusted_issuers.accepted_types(trusted.profile)
            claims = await self._signatures.verify_signature(
                token, issuer_keys, algorithms=ASYMMETRIC, types=types, source=trusted.issuer
            )
            return trusted, claims, expires_at
        except (InvalidJwsError, InvalidClientError) as error:
            raise InvalidGrantError(
                Reason.ASSERTION_INVALID, f"the assertion cannot be verified: {error}"
            ) from error

    def _trusted(self, token: UnverifiedJws) -> TrustedIssuer:
        trusted = self._issuers.get(str(token.unverified_claims.get("iss")))
        if trusted is None:
            raise InvalidGrantError(
                Reason.ASSERTION_ISSUER_UNTRUSTED, "the issuer of the assertion is not trusted"
            )
        return trusted

    def _by_profile(self, request: TokenRequest, trusted: TrustedIssuer, claims: Claims) -> Grant:
        owner = _owner(trusted, claims)
        if trusted.profile == "workload":
            allowed: tuple[str, ...] | None = trusted_issuers.workload_scopes(claims, trusted)
            target = request.parameters.resource()
            client = _workload_client(owner)
        else:
            if not request.client.confidential:
                raise UnauthorizedClientError(
                    Reason.CLIENT_NOT_CONFIDENTIAL,
                    "identity assertions require a client that can authenticate",
                )
            target = trusted_issuers.check_id_jag(claims, trusted, request.client.client_id)
            allowed = trusted_issuers.asserted_scopes(claims, trusted)
            client = request.client
        return self._draft(request, client=client, owner=owner, target=target, allowed=allowed)

    def _draft(
        self,
        request: TokenRequest,
        *,
        client: Client,
        owner: Owner,
        target: str | None,
        allowed: tuple[str, ...] | None,
    ) -> Grant:
        try:
            resource = self._resource_registry.resource_for(target)
        except InvalidTargetError as error:
            raise InvalidGrantError(
                Reason.ASSERTION_RESOURCE_UNKNOWN, "the assertion names an unknown resource"
            ) from error
        if resource is None:
            raise InvalidTargetError(Reason.RESOURCE_MISSING, "resource is missing")
        scopes = self._resource_registry.resolve_scopes(request.parameters.get("scope"), resource)
        granted = tuple(s for s in scopes if s in resource.scopes and (allowed is None or s in allowed))
        return self._grant_factory.draft(client, granted, resource.resource, request.now, owner=owner)

    async def _use_up(self, used: str, grant: Grant, request: TokenRequest, expires_at: int) -> None:
        # After the grant was opened: what fails until then leaves the assertion usable. Of several requests
        # with one assertion, this decides which gets tokens.
        remembered_s = expires_at + 60 - request.now
        try:
            if not await self._proof_replay_cache.use(used, request.proof_source, ttl_s=remembered_s):
                raise _replayed()
        except (OAuthError, StoreUnavailableError):
            await self._grant_factory.abandon(grant)
            raise


def _single_use(trusted: TrustedIssuer, claims: Claims) -> str | None:
    """Return the key that marks an assertion as used; None if it can be used again until it expires."""
    jti = claims.get("jti")
    if trusted.profile != "id-jag" or not isinstance(jti, str):
        return None
    return keys.once("assertion", trusted.issuer, jti)


def _replayed() -> InvalidGrantError:
    return InvalidGrantError(Reason.ASSERTION_REPLAYED, "the assertion was used before")


def _owner(trusted: TrustedIssuer, claims: Claims) -> Owner:
    subject = str(claims["sub"])
    username = claims.get("email") if isinstance(claims.get("email"), str) else subject
    return Owner(
        subject=trusted_issuers.subject_of(trusted.issuer, subject),
        username=str(username),
        assertion_issuer=trusted.issuer,
    )


def _workload_client(owner: Owner) -> Client:
    """Return a workload as its own client: nobody registered it; only its issuer can withdraw its tokens."""
    return Client(
        client_id=WORKLOAD_PREFIX + owner.subject,
        created_at=0,
        metadata={"grant_types": [GRANT_TYPE], "token_endpoint_auth_method": "none"},
    )

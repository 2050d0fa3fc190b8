"""Decides who may register: anyone, nobody, or by initial access token or software statement (AS-7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auth_service.clients.keys import PublishedKeys
from auth_service.crypto.secrets import digest, new_secret
from auth_service.protocol.errors import (
    AccessDeniedError,
    InvalidClientError,
    InvalidSoftwareStatementError,
    InvalidTokenError,
    UnapprovedSoftwareStatementError,
)
from auth_service.protocol.reasons import Reason
from auth_service.protocol.registration_policy import InitialAccessToken, RegistrationMode, use_up
from auth_service.storage import keys
from shared import jwt_claims
from shared.clock import Clock
from shared.jose import ASYMMETRIC, InvalidJwsError, parse
from shared.jwt_claims import ClaimError
from shared.signatures import Signatures
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec
from shared.storage.revocation_log import LONGEST_S, record_in

_NOT_METADATA = frozenset({"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "software_statement"})


def initial_access_token(secret: str) -> str:
    """Return the initial access token made of `secret`."""
    return f"dw_ir_{secret}"


class InitialAccessTokenRepository:
    """The initial access tokens, each stored as a digest."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._tokens = Collection(
            store, keys.initial_access_token, JsonCodec(InitialAccessToken), self._remaining
        )

    def _remaining(self, token: InitialAccessToken) -> int:
        return max(1, token.expires_at - int(self._clock()))

    async def make(
        self, *, uses: int, ttl_s: int, made_by: str | None = None, secret: str | None = None
    ) -> str:
        """Create a token for `uses` registrations within `ttl_s` seconds.

        Args:
            made_by: the administrator; None for the command line.
            secret: 256 bits from which the token is made, always the same one; random by default.
        """
        token, now = initial_access_token(secret or new_secret()), int(self._clock())
        made = InitialAccessToken(uses, now + ttl_s, now, made_by)
        await self._store.index_add(keys.initial_access_tokens(), digest(token), ttl_s=ttl_s)
        await self._tokens.create(digest(token), made)
        return token

    async def exists(self, secret: str) -> bool:
        """Check whether the token made of `secret` exists."""
        return await self._tokens.get(digest(initial_access_token(secret))) is not None

    async def list(self) -> dict[str, InitialAccessToken]:
        """Return the tokens that have not expired, by their digests, newest first."""
        now, tokens = self._clock(), dict[str, InitialAccessToken]()
        for token_hash in await self._store.index_list(keys.initial_access_tokens()):
            token = await self._tokens.get(token_hash)
            if token is not None and token.expires_at > now:
                tokens[token_hash] = token
        return dict(sorted(tokens.items(), key=lambda item: item[1].made_at, reverse=True))

    async def revoke(self, token_hash: str) -> bool:
        """Revoke a token by its digest; return whether it existed."""
        await record_in(self._store.revocation_log, keys.initial_access_token(token_hash), LONGEST_S)
        await self._store.index_remove(keys.initial_access_tokens(), token_hash)
        return await self._tokens.delete(token_hash)

    async def use(self, token: str) -> bool:
        """Use up one registration of a token; return whether one was left."""
        now = int(self._clock())
        return bool(await self._tokens.update(digest(token), lambda record: use_up(record, now)))


@dataclass(frozen=True, slots=True)
class StatementIssuer:
    """A trusted issuer of software statements."""

    issuer: str
    jwks: Mapping[str, Any] | None = None
    jwks_uri: str | None = None


@dataclass(frozen=True, slots=True)
class ApprovedRegistration:
    """An approved registration.

    Attributes:
        body: the requested metadata, overridden by the software statement (RFC 7591 §2.3).
        has_initial_access_token: whether the operator issued it a token, so that it may act without a user.
        statement_claims: the claims of the software statement; None without one.
    """

    body: object
    has_initial_access_token: bool
    statement_claims: dict[str, Any] | None


class RegistrationPolicy:
    """Decides whether a client may register or change its registration."""

    def __init__(
        self,
        *,
        registration_mode: RegistrationMode,
        tokens: InitialAccessTokenRepository,
        issuers: Sequence[StatementIssuer],
        published: PublishedKeys,
        signatures: Signatures,
        clock: Clock,
    ) -> None:
        self._registration_mode = registration_mode
        self._tokens = tokens
        self._issuers = {issuer.issuer: issuer for issuer in issuers}
        self._published = published
        self._signatures = signatures
        self._clock = clock

    async def approve_registration(self, body: object, bearer: str | None) -> ApprovedRegistration:
        """Approve or refuse a registration.

        Args:
            bearer: the initial access token of the request.

        Raises:
            OAuthError: the client may not register, or presents a token or statement that is not valid.
        """
        if self._registration_mode is RegistrationMode.CLOSED:
            raise AccessDeniedError(Reason.REGISTRATION_CLOSED, "only the operator can register clients")
        has_initial_access_token = bearer is not None and await self._tokens.use(bearer)
        if self._registration_mode is RegistrationMode.TOKEN and not has_initial_access_token:
            raise InvalidTokenError(
                Reason.INITIAL_ACCESS_TOKEN_INVALID,
                "registration requires a valid initial access token",
            )
        claims = await self._statement_claims(body)
        if (
            claims is None
            and not has_initial_access_token
            and self._registration_mode is RegistrationMode.STATEMENT
        ):
            raise UnapprovedSoftwareStatementError(
                Reason.SOFTWARE_STATEMENT_REQUIRED, "registration requires a software statement"
            )
        return ApprovedRegistration(_with_statement(body, claims), has_initial_access_token, claims)

    async def approve_update(self, body: object, claims: dict[str, Any] | None) -> ApprovedRegistration:
        """Approve or refuse a change of a registration (RFC 7592 §2.2).

        The claims of a software statement stay in force, whatever the client requests now, until it presents
        another statement of a trusted issuer.

        Args:
            claims: the claims of the registration's software statement; None if it had none.

        Raises:
            OAuthError: the statement presented now is not valid.
        """
        newer = await self._statement_claims(body)
        claims = claims if newer is None else newer
        return ApprovedRegistration(
            _with_statement(body, claims), has_initial_access_token=False, statement_claims=claims
        )

    async def _statement_claims(self, body: object) -> dict[str, Any] | None:
        """Return the claims of a software statement; None without a statement or without trusted issuers."""
        statement = body.get("software_statement") if isinstance(body, dict) else None
        if statement is None or not self._issuers:
            return None
        claims = await self._verified(str(statement))
        metadata = {name: value for name, value in claims.items() if name not in _NOT_METADATA}
        return {**metadata, "software_statement": statement}  # RFC 7591 §3.2.1: returned unmodified

    async def _verified(self, statement: str) -> Mapping[str, Any]:
        try:
            token = parse(statement)
            issuer = self._issuers.get(str(token.unverified_claims.get("iss")))
            if issuer is None:
                raise UnapprovedSoftwareStatementError(
                    Reason.SOFTWARE_STATEMENT_UNTRUSTED, "the issuer of the software statement is not trusted"
                )
            jwt_claims.check_times_given(token.unverified_claims, self._clock())
            issuer_keys = await self._published.keys_for(
                issuer.jwks, issuer.jwks_uri, token.header.get("kid")
            )
            return await self._signatures.verify_signature(
                token, issuer_keys, algorithms=ASYMMETRIC, types=(None, "jwt"), source=issuer.issuer
            )
        except (InvalidJwsError, InvalidClientError, ClaimError) as error:
            raise InvalidSoftwareStatementError(
                Reason.SOFTWARE_STATEMENT_INVALID, f"the software statement is not valid: {error}"
            ) from error


def _with_statement(body: object, claims: dict[str, Any] | None) -> object:
    """Return the requested metadata, overridden by the claims of a software statement (RFC 7591 §2.3)."""
    if not isinstance(body, dict):
        return body if claims is None else claims
    members = {name: value for name, value in body.items() if name != "software_statement"}
    return {**members, **(claims or {})}

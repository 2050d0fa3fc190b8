"""Who may register: anyone, who has a token, whose software somebody vouches for, or nobody (AS-7)."""

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
from auth_service.storage.documents import Collection
from auth_service.storage.interface import Store
from auth_service.storage.json_codec import JsonCodec
from shared import jwt_claims
from shared.clock import Clock
from shared.jose import ASYMMETRIC, InvalidJwsError, parse
from shared.jwt_claims import ClaimError
from shared.signatures import Signatures

_NOT_METADATA = frozenset({"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "software_statement"})


def initial_access_token(secret: str) -> str:
    """The token that a client shows."""
    return f"dw_ir_{secret}"


class InitialAccessTokenRepository:
    """The permissions to register, each kept as a digest."""

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
        """A new token, good for `uses` registrations within `ttl_s` seconds.

        Args:
            made_by: the administrator; None for the command.
            secret: 256 bits to make it of, the same token each time; drawn where left out.
        """
        token, now = initial_access_token(secret or new_secret()), int(self._clock())
        made = InitialAccessToken(uses, now + ttl_s, now, made_by)
        await self._store.index_add(keys.initial_access_tokens(), digest(token), ttl_s=ttl_s)
        await self._tokens.create(digest(token), made)
        return token

    async def exists(self, secret: str) -> bool:
        """Whether there is a token of `secret`."""
        return await self._tokens.get(digest(initial_access_token(secret))) is not None

    async def list(self) -> dict[str, InitialAccessToken]:
        """Those that have not ended, by their digests, the newest first."""
        now, tokens = self._clock(), dict[str, InitialAccessToken]()
        for token_hash in await self._store.index_list(keys.initial_access_tokens()):
            token = await self._tokens.get(token_hash)
            if token is not None and token.expires_at > now:
                tokens[token_hash] = token
        return dict(sorted(tokens.items(), key=lambda item: item[1].made_at, reverse=True))

    async def revoke(self, token_hash: str) -> bool:
        """End a token, by its digest; says whether there was one."""
        await self._store.index_remove(keys.initial_access_tokens(), token_hash)
        return await self._tokens.delete(token_hash)

    async def use(self, token: str) -> bool:
        """Take one use of a token; says whether it had one."""
        now = int(self._clock())
        return bool(await self._tokens.update(digest(token), lambda record: use_up(record, now)))


@dataclass(frozen=True, slots=True)
class StatementIssuer:
    """An issuer whose software statements count here."""

    issuer: str
    jwks: Mapping[str, Any] | None = None
    jwks_uri: str | None = None


@dataclass(frozen=True, slots=True)
class ApprovedRegistration:
    """A registration that may go on.

    Attributes:
        body: the metadata asked for, what a software statement says put above it (RFC 7591 §2.3).
        by_operator: whether the operator gave it a token, and so may let it act without a user.
        statement_claims: what the software statement says; None where there is none.
    """

    body: object
    has_initial_access_token: bool
    statement_claims: dict[str, Any] | None


class RegistrationPolicy:
    """Decides whether a registration may go on."""

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
        """Let a registration in, or not.

        Args:
            bearer: the initial access token that came with it.

        Raises:
            OAuthError: it may not register, or shows something that is not good.
        """
        if self._registration_mode is RegistrationMode.CLOSED:
            raise AccessDeniedError(Reason.REGISTRATION_CLOSED, "clients are registered by the operator here")
        has_initial_access_token = bearer is not None and await self._tokens.use(bearer)
        if self._registration_mode is RegistrationMode.TOKEN and not has_initial_access_token:
            raise InvalidTokenError(
                Reason.INITIAL_ACCESS_TOKEN_INVALID,
                "registration needs an initial access token that is valid and not used up",
            )
        claims = await self._statement_claims(body)
        if (
            claims is None
            and not has_initial_access_token
            and self._registration_mode is RegistrationMode.STATEMENT
        ):
            raise UnapprovedSoftwareStatementError(
                Reason.SOFTWARE_STATEMENT_REQUIRED, "registration needs a software statement"
            )
        return ApprovedRegistration(_with_statement(body, claims), has_initial_access_token, claims)

    async def approve_update(self, body: object, claims: dict[str, Any] | None) -> ApprovedRegistration:
        """Let a client change its registration (RFC 7592 §2.2).

        What a software statement said of the client stays in force, whatever it asks for now, until it
        presents another statement of an issuer that is trusted.

        Args:
            claims: what the software statement of its registration says; None where it had none.

        Raises:
            OAuthError: the statement presented now is not good.
        """
        newer = await self._statement_claims(body)
        claims = claims if newer is None else newer
        return ApprovedRegistration(
            _with_statement(body, claims), has_initial_access_token=False, statement_claims=claims
        )

    async def _statement_claims(self, body: object) -> dict[str, Any] | None:
        """What the software statement in a registration says; one that nobody here can check says nothing."""
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
    """The metadata asked for, with the claims of a software statement in their place (RFC 7591 §2.3)."""
    if not isinstance(body, dict):
        return body if claims is None else claims
    members = {name: value for name, value in body.items() if name != "software_statement"}
    return {**members, **(claims or {})}

"""Reads tokens: handles, and access tokens that are JWTs (RFC 9068)."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import NamedTuple

from auth_service.crypto.handles import Handle, Handles, Kind
from auth_service.crypto.signing_keys import SigningKeys
from auth_service.grants.confirmations import Confirmations
from auth_service.grants.permissions import Permissions, StoredRules
from auth_service.grants.repository import GrantRepository
from auth_service.protocol.grant import Grant, Lifetimes, is_live_access
from auth_service.protocol.introspection import Explanation
from auth_service.protocol.lost_writes import caught_up, restrictions_known
from auth_service.protocol.reasons import Reason
from shared import jwt_claims
from shared.access_tokens import TYPE, parse_jti
from shared.clock import Clock
from shared.jose import Claims, InvalidJwsError, parse
from shared.jwt_claims import ClaimError


class ReadToken(NamedTuple):
    """A genuine token, as it was read.

    Attributes:
        grant: in the generation of the token, if that is newer than the stored one.
        rules: the access rules in the store.
        is_newer: whether the token is newer than the stored grant.
    """

    handle: Handle
    grant: Grant
    rules: StoredRules
    is_newer: bool


def is_jwt(text: str) -> bool:
    """Check whether a token may be a JWT (RFC 7519 §3)."""
    return text.count(".") == 2


class TokenReader:
    """Finds the grant of a token.

    Attributes:
        grants: the grants in the store.
        confirmations: notes that an active token was presented.
    """

    def __init__(
        self,
        *,
        handles: Handles,
        signing_keys: SigningKeys,
        grants: GrantRepository,
        confirmations: Confirmations,
        permissions: Permissions,
        issuer: str,
        lifetimes: Lifetimes,
        clock: Clock,
    ) -> None:
        self._handles = handles
        self._signing_keys = signing_keys
        self.grants = grants
        self.confirmations = confirmations
        self._permissions = permissions
        self._issuer = issuer
        self._lifetimes = lifetimes
        self._clock = clock

    async def read_token(self, text: str) -> tuple[Handle, Grant] | None:
        """Return the handle of a genuine, unexpired token and its grant, in any state of the grant.

        If the store lost the generation of an opaque token, the grant is as of that generation.
        """
        read = await self.read_with_rules(text)
        return read and read[:2]

    async def read_with_rules(self, text: str) -> ReadToken | None:
        """Return the same with the access rules that `permitted` applies, from one exchange."""
        opaque = self.read_opaque(text)
        handle = await self._read_jwt(text) if opaque is None and is_jwt(text) else opaque
        if handle is None:
            return None
        value, rules = await self.begin_reading(handle)
        if value is None:
            return None
        return self._as_read(handle, await self.grants.current(value), rules, is_opaque=opaque is not None)

    def read_opaque(self, text: str) -> Handle | None:
        """Return the handle of a genuine, unexpired opaque token."""
        return self._handles.read_handle(text, self._clock())

    def begin_reading(self, handle: Handle) -> Awaitable[list[bytes | None]]:
        """Read the grant of a token and the access rules in one exchange, for `token_in`; as `get_many`."""
        return self.grants.read_with(handle.grant_id, self._permissions.rules_key)

    def token_in(self, handle: Handle, values: Sequence[bytes | None]) -> ReadToken | None:
        """Return the opaque token that `begin_reading` has read; None if its grant does not exist.

        If the grant is known to be revoked, only `read_with_rules` tells.
        """
        value, rules = values
        if value is None:
            return None
        return self._as_read(handle, self.grants.decoded(value), rules, is_opaque=True)

    def _as_read(self, handle: Handle, stored: Grant, rules: bytes | None, *, is_opaque: bool) -> ReadToken:
        # A JWT does not say whether its scope was narrowed.
        grant = caught_up(stored, handle, self._lifetimes, int(self._clock())) if is_opaque else stored
        return ReadToken(handle, grant, StoredRules(rules), grant is not stored)

    def why_not_found(self, text: str) -> Explanation:
        """Explain for the log why `read_token` returns None."""
        if self._handles.read_handle(text, 0) is None:
            return (
                Reason.TOKEN_NOT_OF_THIS_INSTALLATION,
                "not a token of this installation, or a JWT that is no longer valid",
            )
        if self._handles.read_handle(text, self._clock()) is None:
            return Reason.TOKEN_EXPIRED, "the token has expired"
        return Reason.TOKEN_GRANT_GONE, "the grant of the token no longer exists"

    async def live_access(self, text: str) -> tuple[Handle, Grant] | None:
        """Return the handle and grant of an active access token, limited to what its person may hold now."""
        read = await self.read_with_rules(text)
        if read is None:
            return None
        handle, grant, rules, _ = read
        live = handle.is_access_token and is_live_access(grant, handle.generation)
        good = live and restrictions_known(grant, handle)
        limited = await self.grants.within_parents(grant) if good else None
        permitted = None if limited is None else await self.permitted(limited, rules)
        if permitted is None:
            return None
        self.confirmations.note(grant, handle.generation)
        return handle, permitted

    def is_unrestricted(self, grant: Grant, rules: StoredRules) -> bool:
        """Check whether `permitted` returns the grant as it is, without reading anything."""
        return self._permissions.is_unrestricted(grant, rules)

    async def permitted(self, grant: Grant, rules: StoredRules) -> Grant | None:
        """Return the grant, limited to what its person may hold by `rules`; None if nothing remains."""
        return await self._permissions.permitted(grant, rules)

    async def groups_for(self, grant: Grant) -> tuple[str, ...]:
        """Return the groups of the grant's person that the access rules name for its resource."""
        return await self._permissions.groups_for(grant)

    async def _read_jwt(self, text: str) -> Handle | None:
        try:
            token = parse(text)
            handle = self._handle(token.unverified_claims)  # cheap, so it comes before the signature
            if handle is not None:
                await self._signing_keys.verify_own_jws(token, TYPE)
            return handle
        except (InvalidJwsError, ClaimError):
            return None

    def _handle(self, claims: Claims) -> Handle | None:
        if claims.get("iss") != self._issuer or self._clock() >= jwt_claims.number(claims, "exp"):
            return None
        grant_id, generation = parse_jti(jwt_claims.text(claims, "jti"))
        return Handle(
            kind=Kind.ACCESS_TOKEN, grant_id=grant_id, generation=generation, expires_at=int(claims["exp"])
        )

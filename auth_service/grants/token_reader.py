"""Reads tokens: handles, and access tokens that are JWTs (RFC 9068)."""

from __future__ import annotations

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

    async def read_with_rules(self, text: str) -> tuple[Handle, Grant, StoredRules] | None:
        """Return the same with the access rules that `permitted` applies, from one exchange."""
        now = self._clock()
        opaque = self._handles.read_handle(text, now)
        handle = await self._read_jwt(text) if opaque is None and text.count(".") == 2 else opaque
        if handle is None:
            return None
        grant, rules = await self.grants.get_with(handle.grant_id, self._permissions.rules_key)
        if grant is None:
            return None
        # A JWT does not say whether its scope was narrowed.
        newest = caught_up(grant, opaque, self._lifetimes, int(now)) if opaque else grant
        return handle, newest, StoredRules(rules)

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
        handle, grant, rules = read
        live = handle.is_access_token and is_live_access(grant, handle.generation)
        good = live and restrictions_known(grant, handle)
        if not good or not await self.grants.parents_active(grant):
            return None
        permitted = await self.permitted(grant, rules)
        if permitted is None:
            return None
        self.confirmations.note(grant, handle.generation)
        return handle, permitted

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

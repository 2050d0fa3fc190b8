"""The refresh token grant (OAuth 2.1 §4.3), idempotent inside a grace window (DESIGN D3)."""

from __future__ import annotations

from auth_service.crypto.handles import Handle, Handles, Kind
from auth_service.grants.base import Begun, TokenRequest
from auth_service.grants.permissions import Narrow, Permissions, StoredRules
from auth_service.grants.repository import GrantRepository
from auth_service.protocol.errors import InvalidGrantError, OAuthError
from auth_service.protocol.grant import Grant, Lifetimes, Refresh, refresh
from auth_service.protocol.lost_writes import caught_up
from auth_service.protocol.narrowed_grants import within
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason


class RefreshToken:
    """Rotates a refresh token; a replay outside the window revokes the grant, except after lost responses."""

    name = "refresh_token"

    def __init__(
        self,
        *,
        grants: GrantRepository,
        handles: Handles,
        permissions: Permissions,
        lifetimes: Lifetimes,
        jwt_resources: frozenset[str],
    ) -> None:
        self._grants = grants
        self._permissions = permissions
        self._handles = handles
        self._lifetimes = lifetimes
        self._jwt_resources = jwt_resources

    async def redeem(self, request: TokenRequest) -> Grant:
        request.parameters.require("refresh_token")
        begun = request.begun or self.begin_reading(request.parameters, request.now)
        if begun is None:
            raise _invalid()
        token = begun.handle
        presented = Refresh(
            client_id=request.client.client_id,
            generation=token.generation,
            scope=request.parameters.get("scope"),
            resource=request.parameters.resource(),
            jkt=request.jkt,
            may_rebind=request.client.confidential,
            # As in the token issuer: clients with pairwise subjects get no JWTs.
            verified_locally=self._jwt_resources if request.client.sector is None else frozenset(),
        )
        value, rules = await begun.values
        stored = await self._grants.to_change(value)
        if stored is None:
            raise _invalid()
        current = self._caught_up(stored.document, token, request)
        narrow = await self._narrowing(current, StoredRules(rules), request)
        outcome = await self._grants.change(
            token.grant_id,
            within(
                lambda grant: refresh(
                    self._caught_up(grant, token, request), presented, self._lifetimes, request.now
                ),
                narrow,
            ),
            was=stored,
            prepare=request.prepare,
        )
        if outcome is None:
            raise _invalid()
        if isinstance(outcome, OAuthError):
            raise outcome
        return outcome

    def begin_reading(self, parameters: Parameters, now: int) -> Begun | None:
        """Begin to read what `redeem` needs; None if there is no genuine token."""
        token = self._handles.read_handle(parameters.get("refresh_token") or "", now)
        if token is None or token.kind is not Kind.REFRESH_TOKEN:
            return None
        return Begun(token, self._grants.read_with(token.grant_id, self._permissions.rules_key))

    def _caught_up(self, grant: Grant, token: Handle, request: TokenRequest) -> Grant:
        may_rebind = request.client.confidential
        return caught_up(grant, token, self._lifetimes, request.now, may_rebind=may_rebind)

    async def _narrowing(self, grant: Grant, rules: StoredRules, request: TokenRequest) -> Narrow:
        """Decide what the person of the grant may hold now, as at every refresh (ID-4)."""
        if grant.client_id != request.client.client_id or grant.state != "active":
            return lambda grant: grant  # refused in any case, so the provider need not be asked
        took_time = await self._permissions.renew(grant)
        return await self._permissions.narrowing(grant, None if took_time else rules)


def _invalid() -> InvalidGrantError:
    return InvalidGrantError(Reason.REFRESH_TOKEN_INVALID, "the refresh token is not valid, or has expired")

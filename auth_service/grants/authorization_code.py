"""The authorization code grant (OAuth 2.1 §4.1.3)."""

from __future__ import annotations

from auth_service.crypto.handles import Handles, Kind
from auth_service.grants.base import TokenRequest
from auth_service.grants.grant_factory import SESSION_ENDED
from auth_service.grants.permissions import Permissions, StoredRules
from auth_service.grants.repository import GrantRepository
from auth_service.protocol.errors import InvalidGrantError, OAuthError
from auth_service.protocol.grant import CodeRedemption, Grant, Lifetimes, redeem
from auth_service.protocol.narrowed_grants import within
from auth_service.protocol.reasons import Reason
from auth_service.users.sessions import SessionRepository


class AuthorizationCode:
    """Exchanges a code for tokens once; a second use revokes the grant of the first."""

    name = "authorization_code"

    def __init__(
        self,
        *,
        grants: GrantRepository,
        handles: Handles,
        sessions: SessionRepository,
        permissions: Permissions,
        lifetimes: Lifetimes,
    ) -> None:
        self._grants = grants
        self._sessions = sessions
        self._permissions = permissions
        self._handles = handles
        self._lifetimes = lifetimes

    async def redeem(self, request: TokenRequest) -> Grant:
        code = self._handles.read_handle(request.parameters.require("code"), request.now)
        if code is None or code.kind is not Kind.CODE:
            raise InvalidGrantError(Reason.CODE_INVALID, "the code is not valid, or has expired")
        presented = CodeRedemption(
            client_id=request.client.client_id,
            redirect_uri=request.parameters.get("redirect_uri"),
            code_verifier=request.parameters.get("code_verifier"),
            resource=request.parameters.resource(),
            jkt=request.jkt,
        )
        waiting, rules = await self._grants.read_beside(code.grant_id, self._permissions.rules_key)
        if waiting is None:
            raise InvalidGrantError(Reason.CODE_INVALID, "the code is not valid, or has expired")
        narrow = await self._permissions.narrowing(waiting.document, StoredRules(rules))
        outcome = await self._grants.change(
            code.grant_id,
            within(lambda grant: redeem(grant, presented, self._lifetimes, request.now), narrow),
            was=waiting,
            # A code works once, so the client could not ask again. If a failover loses this write, the access
            # token moves the grant forward again (`lost_writes`).
            may_be_lost=True,
            prepare=request.prepare,
        )
        if outcome is None:
            raise InvalidGrantError(Reason.CODE_INVALID, "the code is not valid, or has expired")
        if isinstance(outcome, OAuthError):
            raise outcome
        if not await self._sessions.lives(outcome.session_key):
            # Checked after the code was used up: if a session ends concurrently, either this check or the
            # code that ends the session notices.
            await self._grants.revoke(outcome.grant_id, SESSION_ENDED)
            raise InvalidGrantError(Reason.SESSION_ENDED, SESSION_ENDED)
        return outcome

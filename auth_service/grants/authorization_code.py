"""The authorization code grant (OAuth 2.1 §4.1.3)."""

from __future__ import annotations

from auth_service.crypto.handles import Handles, Kind
from auth_service.grants.base import Begun, TokenRequest
from auth_service.grants.grant_factory import SESSION_ENDED
from auth_service.grants.permissions import Permissions, StoredRules
from auth_service.grants.repository import GrantRepository
from auth_service.protocol.errors import InvalidGrantError, OAuthError
from auth_service.protocol.grant import CodeRedemption, Grant, Lifetimes, redeem
from auth_service.protocol.narrowed_grants import within
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.users.sessions import Session, SessionRepository
from shared.storage.readings import LaterReading
from shared.traces.current import join_stored


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
        request.parameters.require("code")
        begun = request.begun or self.begin_reading(request.parameters, request.now)
        if begun is None:
            raise InvalidGrantError(Reason.CODE_INVALID, "the code is not valid, or has expired")
        presented = CodeRedemption(
            client_id=request.client.client_id,
            redirect_uri=request.parameters.get("redirect_uri"),
            code_verifier=request.parameters.get("code_verifier"),
            resource=request.parameters.resource(),
            jkt=request.jkt,
        )
        stored, rules = await begun.values
        waiting = await self._grants.to_change(stored)
        if waiting is None:
            raise InvalidGrantError(Reason.CODE_INVALID, "the code is not valid, or has expired")
        join_stored(waiting.document.trace)
        session = self._session_of(waiting.document)
        narrow = await self._permissions.narrowing(waiting.document, StoredRules(rules))
        outcome = await self._grants.change(
            begun.handle.grant_id,
            within(lambda grant: redeem(grant, presented, self._lifetimes, request.now), narrow),
            was=waiting,
            # A code works once, so the client could not ask again. If a failover loses this write, the access
            # token moves the grant forward again (`lost_writes`).
            may_be_lost=True,
            prepare=request.prepare,
            later=session,
        )
        if outcome is None:
            raise InvalidGrantError(Reason.CODE_INVALID, "the code is not valid, or has expired")
        if isinstance(outcome, OAuthError):
            raise outcome
        # Checked after the code was used up: if a session ends concurrently, either this check or the code
        # that ends the session notices.
        if not await self._lives(outcome, session):
            await self._grants.revoke(outcome.grant_id, SESSION_ENDED)
            raise InvalidGrantError(Reason.SESSION_ENDED, SESSION_ENDED)
        return outcome

    def begin_reading(self, parameters: Parameters, now: int) -> Begun | None:
        """Begin to read what `redeem` needs; None if there is no genuine code."""
        code = self._handles.read_handle(parameters.get("code") or "", now)
        if code is None or code.kind is not Kind.CODE:
            return None
        return Begun(code, self._grants.read_with(code.grant_id, self._permissions.rules_key))

    def _session_of(self, grant: Grant) -> LaterReading[Session | None] | None:
        return None if grant.session_key is None else LaterReading(self._sessions.reading(grant.session_key))

    async def _lives(self, grant: Grant, session: LaterReading[Session | None] | None) -> bool:
        if session is not None and session.is_done:
            return session.result is not None
        return await self._sessions.lives(grant.session_key)

"""The sessions of a person in other browsers, ended from this one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.background import BackgroundTask

from auth_service.accounts.logout import Logout
from auth_service.journal.account_events import NO_ACCOUNT_EVENTS, AccountAction, AccountEvents
from auth_service.protocol.client import Client
from auth_service.users.sessions import Session, SessionRepository
from shared.logs import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class OtherSessions:
    """Lists and ends the other sessions of a person; the clients are told afterwards."""

    sessions: SessionRepository
    logout: Logout
    account_events: AccountEvents = NO_ACCOUNT_EVENTS

    async def of(self, session: Session) -> list[Session]:
        """Return the sessions of the person but this one."""
        sessions = await self.sessions.of_subject(session.subject)
        return [other for other in sessions if other.session_id != session.session_id]

    async def end(self, session: Session, is_over: Callable[[Session], bool]) -> BackgroundTask:
        """End the other sessions for which `is_over` is true; return what remains to be done."""
        ended = [other for other in await self.of(session) if is_over(other)]
        # All of them at once first: a session must not stay active because another takes long to end.
        ids = {other.session_id for other in ended}
        if ids:
            await self.account_events.record(
                AccountAction.SESSIONS_ENDED, session.subject, session=session.session_id, ended=sorted(ids)
            )
        await self.sessions.end_those(session.subject, lambda other: other.session_id in ids)
        notifications = [(await self.logout.end_other(other), other) for other in ended]
        _log.info("sessions ended", count=len(ended), subject=session.subject, by="user")
        return BackgroundTask(self._tell, notifications)

    async def _tell(self, notifications: list[tuple[list[Client], Session]]) -> None:
        for clients, session in notifications:
            await self.logout.notify_clients(clients, session)

"""The grants and sessions that administrators end for a person."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.accounts.connected_apps import ConnectedApps
from auth_service.accounts.logout import Logout
from auth_service.administration.actors import Actor
from auth_service.protocol.client import Client
from auth_service.protocol.grant import Grant
from auth_service.users.repository import User
from auth_service.users.sessions import Session, SessionRepository

REASON = "an administrator ended it"
Notifications = list[tuple[list[Client], Session]]


@dataclass(frozen=True, kw_only=True)
class ConnectionAdministration:
    """The operations on the grants and sessions of a person. Each is safe to repeat."""

    apps: ConnectedApps
    sessions: SessionRepository
    logout: Logout

    async def grants(self, user: User) -> list[Grant]:
        """Return the active grants of a person, oldest first."""
        return await self.apps.grants.of_subject(user.subject)

    async def end_grant(self, actor: Actor, user: User, grant_id: str) -> bool:
        """End a grant of a person with the consent behind it; return whether it is theirs."""
        grant = await self.apps.disconnect(user.subject, grant_id, REASON)
        if grant is not None:
            actor.audit(
                "grant ended",
                user=user.username,
                user_subject=user.subject,
                grant_id=grant_id,
                client_id=grant.client_id,
            )
        return grant is not None

    async def end_grants(self, actor: Actor, user: User) -> int:
        """End every grant of a person; return how many there were."""
        grants = await self.grants(user)
        for grant in grants:
            await self.apps.disconnect(user.subject, grant.grant_id, REASON)
        actor.audit("grants ended", user=user.username, user_subject=user.subject, count=len(grants))
        return len(grants)

    async def end_sessions(self, actor: Actor, user: User, session_id: str | None = None) -> Notifications:
        """End one session of a person, or all; return the clients to notify, for `notify`."""
        listed = await self.sessions.of_subject(user.subject)
        ended = [each for each in listed if session_id is None or each.session_id == session_id]
        if session_id is None:
            # All of them at once first: none must stay active because another takes long to end.
            await self.sessions.end_all(user.subject)
        notifications = [(await self.logout.end_other(session), session) for session in ended]
        if ended:
            actor.audit("sessions ended", user=user.username, user_subject=user.subject, count=len(ended))
        return notifications

    async def notify(self, notifications: Notifications) -> None:
        """Tell the clients that took part in ended sessions (OpenID Connect Back-Channel Logout)."""
        for clients, session in notifications:
            await self.logout.notify_clients(clients, session)

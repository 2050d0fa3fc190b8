"""/admin/api/people/{subject}/grants and /sessions: what a person has connected, and their logins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.background import BackgroundTask
from starlette.responses import Response

from auth_service.administration.connections import ConnectionAdministration
from auth_service.endpoints.admin_api.descriptions import connections as descriptions
from auth_service.endpoints.admin_api.listing import listing
from auth_service.endpoints.admin_api.objects import not_there, page, person_of
from auth_service.endpoints.admin_api.requests import AdminRequest
from auth_service.endpoints.admin_api.routing import AdminOperation, AdminRouting
from auth_service.protocol.grant import Grant
from auth_service.protocol.grant_use import last_used_at
from auth_service.users.repository import UserRepository
from auth_service.users.sessions import Session
from auth_service.web.route import Endpoint


@dataclass(frozen=True, kw_only=True)
class ConnectionsApi:
    """Lists and ends the grants and sessions of a person."""

    users: UserRepository
    connections: ConnectionAdministration

    async def grants(self, admin: AdminRequest) -> Response:
        """Return the active grants, oldest first."""
        user = await person_of(self.users, admin)
        listed = await self.connections.grants(user)
        some, after = listing(listed, lambda grant: (grant.created_at, grant.grant_id), admin.query)
        return page("grants", [_grant(grant) for grant in some], after)

    async def end_grants(self, admin: AdminRequest) -> Response:
        """End every grant."""
        await self.connections.end_grants(admin.actor, await person_of(self.users, admin))
        return Response(status_code=204)

    async def end_grant(self, admin: AdminRequest) -> Response:
        """End one grant."""
        user = await person_of(self.users, admin)
        if not await self.connections.end_grant(admin.actor, user, admin.path("grant_id")):
            raise not_there("grant")
        return Response(status_code=204)

    async def sessions(self, admin: AdminRequest) -> Response:
        """Return the sessions in which the person is logged in."""
        user = await person_of(self.users, admin)
        listed = await self.connections.sessions.of_subject(user.subject)
        some, after = listing(listed, lambda session: (session.auth_time, session.session_id), admin.query)
        return page("sessions", [_session(session) for session in some], after)

    async def end_sessions(self, admin: AdminRequest) -> Response:
        """End every session."""
        user = await person_of(self.users, admin)
        notifications = await self.connections.end_sessions(admin.actor, user)
        return Response(status_code=204, background=BackgroundTask(self.connections.notify, notifications))

    async def end_session(self, admin: AdminRequest) -> Response:
        """End one session."""
        user = await person_of(self.users, admin)
        notifications = await self.connections.end_sessions(admin.actor, user, admin.path("session_id"))
        if not notifications:
            raise not_there("session")
        return Response(status_code=204, background=BackgroundTask(self.connections.notify, notifications))

    def endpoints(self, routing: AdminRouting) -> list[Endpoint]:
        """Return the endpoints."""
        person = "/people/{subject}"
        return [
            routing.endpoint(
                f"{person}/grants",
                {
                    "GET": AdminOperation(perform=self.grants, description=descriptions.GRANTS),
                    "DELETE": AdminOperation(perform=self.end_grants, description=descriptions.END_GRANTS),
                },
            ),
            routing.endpoint(
                f"{person}/grants/{{grant_id}}",
                {"DELETE": AdminOperation(perform=self.end_grant, description=descriptions.END_GRANT)},
            ),
            routing.endpoint(
                f"{person}/sessions",
                {
                    "GET": AdminOperation(perform=self.sessions, description=descriptions.SESSIONS),
                    "DELETE": AdminOperation(
                        perform=self.end_sessions, description=descriptions.END_SESSIONS
                    ),
                },
            ),
            routing.endpoint(
                f"{person}/sessions/{{session_id}}",
                {"DELETE": AdminOperation(perform=self.end_session, description=descriptions.END_SESSION)},
            ),
        ]


def _grant(grant: Grant) -> dict[str, Any]:
    return {
        "grant_id": grant.grant_id,
        "client_id": grant.client_id,
        **({"resource": grant.resource} if grant.resource else {}),
        "scopes": list(grant.scopes),
        "created_at": grant.created_at,
        "last_used_at": last_used_at(grant),
    }


def _session(session: Session) -> dict[str, Any]:
    source = session.source
    return {
        "session_id": session.session_id,
        "logged_in_at": session.auth_time,
        "last_seen_at": session.last_seen_at,
        "expires_at": session.expires_at,
        "methods": list(session.amr),
        **({"provider": session.provider_id} if session.provider_id else {}),
        **({"network": source.network, "browser": source.browser} if source else {}),
    }

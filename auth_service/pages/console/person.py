"""One account: its page, and the actions on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from starlette.background import BackgroundTask
from starlette.responses import Response

from auth_service.access.groups import Groups
from auth_service.accounts.account_links import link_url
from auth_service.administration.connections import ConnectionAdministration
from auth_service.administration.people import RESET_HOURS
from auth_service.administration.provider_accounts import account_id
from auth_service.pages.console.operation_errors import refusals
from auth_service.pages.console.people import person_url
from auth_service.pages.console.person_actions import PersonActions
from auth_service.pages.console.sections import Administrator, NotThereError
from auth_service.pages.identity_lists import shown_identities
from auth_service.pages.pagination import paginated
from auth_service.pages.resource_names import ResourceNames
from auth_service.protocol.connected_apps import DELETED_CLIENT
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.grant import Grant
from auth_service.protocol.identity_providers import IdentityProvider
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.request_source import UNKNOWN_BROWSER, shown_browser
from auth_service.protocol.resources import ResourceRegistry
from auth_service.users.repository import User
from auth_service.users.sessions import Session
from auth_service.web.moments import day
from auth_service.web.render import PageTemplates, see_other
from shared.texts import Text

CONFIRMED = frozenset({"delete", "end-all", "promote", "demote", "link", "reset-factors"})
"""The actions that have a page of their own, which says what they do."""

MOST_SESSIONS = 50


@dataclass(frozen=True, kw_only=True)
class PersonSection:
    """The section of one account."""

    actions: PersonActions
    connections: ConnectionAdministration
    groups: Groups
    resource_registry: ResourceRegistry
    templates: PageTemplates
    issuer: str
    providers: Sequence[IdentityProvider] = ()

    dangerous: ClassVar = frozenset(
        {"delete", "promote", "demote", "link", "reset-factors", "email", "confirm-email", "join"}
        # An access rule may name the new username; and what was disabled is admitted again.
        | {"rename", "enable"}
    )

    async def handle_get(self, query: Parameters, admin: Administrator) -> Response:
        user = await self.actions.people.accounts.users.get(query.get("name") or "")
        if user is None:
            raise NotThereError
        action = query.get("confirm")
        if action in CONFIRMED and not (user.subject == admin.user.subject and action != "link"):
            own = user.subject == admin.user.subject
            context = {"admin": admin, "user": user, "action": action, "hours": RESET_HOURS, "own": own}
            return self.templates.render("console_person_confirm.html", context)
        return await self._page(user, query, admin)

    async def _page(
        self, user: User, query: Parameters, admin: Administrator, link: str | None = None
    ) -> Response:
        accounts = self.actions.people.accounts
        grants = await self.connections.grants(user)
        listed, page = paginated(grants[::-1], query, "person")
        sessions = await self.connections.sessions.of_subject(user.subject)
        context = {
            "admin": admin,
            "user": user,
            "password_link": link,
            "hours": RESET_HOURS,
            "since": day(user.created_at),
            "own": user.subject == admin.user.subject,
            "factors": (await accounts.factors.of(user.subject)).count,
            "page": page,
            "identities": shown_identities(await accounts.connected.of(user), self.providers),
            "connections": [await self._connection(grant) for grant in listed],
            "sessions": [_session(session) for session in sessions[:MOST_SESSIONS]],
            "provider_accounts": await self._provider_accounts(user),
            "groups": await self._groups(user),
        }
        return self.templates.render("console_person.html", context)

    async def _provider_accounts(self, user: User) -> list[dict[str, Any]]:
        names = ResourceNames(self.resource_registry)
        return [
            {
                "account_id": account_id(account),
                "provider": account.provider,
                "name": names.of(account.resource),
                "also": names.of_joining(account.resource),
                "since": day(account.connected_at),
            }
            for account in await self.actions.provider_accounts.of(user)
        ]

    def _resource_name(self, url: str | None) -> str | None:
        resource = self.resource_registry.by_identifier(url)
        return resource.name if resource else url

    async def _groups(self, user: User) -> list[tuple[str, str]]:
        """Return the local groups of a person, each with the name by which it lists them."""
        names = [user.username.casefold(), f"subject:{user.subject}", *([user.email] if user.email else [])]
        memberships = [(group, name) for name in names for group in await self.groups.of([name])]
        return sorted(memberships)

    async def _connection(self, grant: Grant) -> dict[str, Any]:
        client = await self.connections.apps.clients.get(grant.client_id)
        return {
            "grant_id": grant.grant_id,
            "client_id": grant.client_id,
            "client_name": client.name if client else DELETED_CLIENT,
            "resource": self._resource_name(grant.resource) or Text("Their account only"),
            "scopes": grant.scopes,
            "since": day(grant.created_at),
            "last": day(grant.issued_at or None),
        }

    async def handle_post(self, form: Parameters, admin: Administrator) -> Response:
        # By the subject on the page: somebody else may have the username now.
        user = await self.actions.people.accounts.users.by_subject(form.require("subject"))
        if user is None:
            raise NotThereError
        action = form.require("action")
        with refusals():
            if action == "link":
                return await self._make_link(user, admin, lock=form.get("lock") is not None)
            if action in ("end-session", "end-sessions"):
                session_id = form.require("session") if action == "end-session" else None
                return await self._end_sessions(user, admin, session_id)
            perform = self.actions.by_name.get(action)
            if perform is None:
                raise InvalidRequestError(
                    Reason.FORM_FIELD_INVALID, "action is none of the buttons on the page"
                )
            changed = await perform(form, user, admin)
        return see_other(person_url(changed) if changed else "people")

    async def _end_sessions(self, user: User, admin: Administrator, session_id: str | None) -> Response:
        notifications = await self.connections.end_sessions(admin.actor, user, session_id)
        response = see_other(person_url(user))
        response.background = BackgroundTask(self.connections.notify, notifications)
        return response

    async def _make_link(self, user: User, admin: Administrator, *, lock: bool) -> Response:
        drawn = await admin.drawn()
        people = self.actions.people
        if admin.is_repeated:
            secret = await people.repeated_link(user, drawn)
        else:
            secret = await people.new_link(admin.actor, user, drawn=drawn, lock=lock)
        if secret is None:
            return see_other(person_url(user))  # submitted again after the link was used or replaced
        # Shown in this response, without a redirect: it is not stored, so no later page could show it.
        return await self._page(user, Parameters({}), admin, link_url(self.issuer, secret))


def _session(session: Session) -> dict[str, Any]:
    return {
        "session_id": session.session_id,
        "browser": shown_browser(session.source.browser if session.source else UNKNOWN_BROWSER),
        "began": day(session.auth_time),
        "seen": day(session.last_seen_at),
    }

"""Accounts: their connections, and how to end them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from auth_service.accounts.connected_identities import NotDisconnectedError
from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.accounts.own_email import OwnEmail
from auth_service.authorize.consents import ConsentRepository
from auth_service.clients.repository import ClientRepository
from auth_service.grants.repository import GrantRepository
from auth_service.pages.console.sections import (
    MOST_GRANTS,
    Administrator,
    NotThereError,
)
from auth_service.pages.identity_lists import shown_identities
from auth_service.pages.pagination import paginated
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.grant import Grant
from auth_service.protocol.identity_providers import IdentityProvider
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.resources import ResourceRegistry
from auth_service.protocol.usernames import canonical
from auth_service.users.repository import User, UserRepository
from auth_service.web.moments import day
from auth_service.web.render import PageTemplates, see_other


@dataclass(frozen=True)
class PeopleSection:
    """The section of all accounts, by name."""

    users: UserRepository
    grants: GrantRepository
    templates: PageTemplates

    async def handle_get(self, query: Parameters, admin: Administrator) -> Response:
        names, wanted = await self.users.usernames(), query.get("q")
        if wanted:
            names = await self._matching(names, wanted)
        usernames, page = paginated(names, query, "people")
        people = [await self._person(user) for user in await self.users.get_many(usernames)]
        context = {"admin": admin, "q": wanted or "", "page": page, "people": people}
        return self.templates.render("console_people.html", context)

    async def _matching(self, names: list[str], wanted: str) -> list[str]:
        """Return the usernames containing `wanted`, or that of the account with this subject."""
        user = await self.users.by_subject(wanted.strip())
        return [canonical(user.username)] if user else [name for name in names if wanted.casefold() in name]

    async def _person(self, user: User) -> dict[str, Any]:
        grants = await self.grants.of_subject(user.subject, MOST_GRANTS)
        return {
            "username": user.username,
            "subject": user.subject,
            "name": user.name,
            "admin": user.admin,
            "disabled": user.disabled,
            "url": _url(user),
            "grants": len(grants),
            "many": len(grants) >= MOST_GRANTS,
        }

    async def handle_post(self, form: Parameters, admin: Administrator) -> Response:
        raise InvalidRequestError(Reason.FORM_FIELD_INVALID, "nothing can be done on this page")


@dataclass(frozen=True, kw_only=True)
class PersonSection:
    """The section of one account: ends its connections, disables, enables or deletes it."""

    accounts: AccountLifecycle
    grants: GrantRepository
    clients: ClientRepository
    consents: ConsentRepository
    resource_registry: ResourceRegistry
    templates: PageTemplates
    providers: Sequence[IdentityProvider] = ()

    async def handle_get(self, query: Parameters, admin: Administrator) -> Response:
        user = await self._find(query.get("name"))
        if query.get("confirm") == "delete" and user.subject != admin.user.subject:
            return self.templates.render("console_delete.html", {"admin": admin, "user": user})
        grants = await self.grants.of_subject(user.subject)
        listed, page = paginated(grants[::-1], query, "person")
        return self.templates.render(
            "console_person.html",
            {
                "admin": admin,
                "user": user,
                "since": day(user.created_at),
                "own": user.subject == admin.user.subject,
                "factors": (await self.accounts.factors.of(user.subject)).count,
                "page": page,
                "identities": shown_identities(await self.accounts.connected.of(user), self.providers),
                "connections": [await self._connection(grant) for grant in listed],
            },
        )

    async def handle_post(self, form: Parameters, admin: Administrator) -> Response:
        user, action = await self._of_form(form), form.require("action")
        if action == "end":
            await self._end(form.require("grant_id"), user, admin)
        elif action == "disable":
            await self._disable(user, admin)
        elif action == "enable":
            await self.accounts.enable(user)
            admin.audit("user enabled", user=user.username)
        elif action == "disconnect":
            await self._disconnect(form.require("identity"), user, admin)
        elif action == "confirm-email":
            await self._confirm_email(form.require("email"), user, admin)
        elif action == "reset-factors":
            await self._reset_factors(user, admin)
        elif action == "delete":
            await self._delete(user, admin)
            return see_other("people")
        else:
            raise InvalidRequestError(Reason.FORM_FIELD_INVALID, "action is none of the buttons on the page")
        return see_other(_url(user))

    async def _find(self, name: str | None) -> User:
        user = await self.accounts.users.get(name) if name else None
        if user is None:
            raise NotThereError
        return user

    async def _of_form(self, form: Parameters) -> User:
        # By the subject on the page: somebody else may have the username now.
        user = await self.accounts.users.by_subject(form.require("subject"))
        if user is None:
            raise NotThereError
        return user

    async def _end(self, grant_id: str, user: User, admin: Administrator) -> None:
        grant = await self.grants.get(grant_id)
        if grant is None or grant.subject != user.subject:
            return
        await self.grants.revoke(grant_id, "an administrator ended it")
        await self.consents.forget(user.subject, grant.client_id)
        admin.audit("grant ended", user=user.username, grant_id=grant_id, client_id=grant.client_id)

    async def _reset_factors(self, user: User, admin: Administrator) -> None:
        # Administrators remove their own factors on their own page, which requires the second factor.
        if user.subject == admin.user.subject:
            raise InvalidRequestError(Reason.FORM_FIELD_INVALID, "remove your own under Ways to log in")
        if await self.accounts.reset_factors(user):
            admin.audit("second factors removed", user=user.username)

    async def _confirm_email(self, address: str, user: User, admin: Administrator) -> None:
        try:
            await OwnEmail(accounts=self.accounts).confirm(user, address)
        except ValueError as error:
            raise InvalidRequestError(Reason.EMAIL_NOT_CHANGED, str(error)) from error
        admin.audit("e-mail address confirmed", user=user.username, email=address)

    async def _disconnect(self, identity_id: str, user: User, admin: Administrator) -> None:
        try:
            await self.accounts.connected.disconnect(user, identity_id)
        except NotDisconnectedError as error:
            raise InvalidRequestError(Reason.IDENTITY_NOT_DISCONNECTED, str(error)) from error
        admin.audit("identity disconnected", user=user.username, identity=identity_id)

    async def _disable(self, user: User, admin: Administrator) -> None:
        # Only the command can do that: at least one administrator must remain.
        if user.subject == admin.user.subject:
            raise InvalidRequestError(Reason.CANNOT_DISABLE_YOURSELF, "you cannot disable yourself")
        await self.accounts.disable(user)
        admin.audit("user disabled", user=user.username)

    async def _delete(self, user: User, admin: Administrator) -> None:
        if user.subject == admin.user.subject:
            raise InvalidRequestError(Reason.CANNOT_DISABLE_YOURSELF, "you cannot delete yourself here")
        await self.accounts.delete(user)
        admin.audit("user deleted", user=user.username, deleted=user.subject)

    async def _connection(self, grant: Grant) -> dict[str, Any]:
        client = await self.clients.get(grant.client_id)
        resource = self.resource_registry.by_identifier(grant.resource)
        return {
            "grant_id": grant.grant_id,
            "client_id": grant.client_id,
            "client_name": client.name if client else "A deleted client",
            "resource": resource.name if resource else grant.resource or "Their account only",
            "scopes": grant.scopes,
            "since": day(grant.created_at),
            "last": day(grant.issued_at or None),
        }


def _url(user: User) -> str:
    return f"person?{urlencode({'name': user.username})}"

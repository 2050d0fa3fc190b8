"""/admin/api/people: accounts, with their one-time links and second factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from auth_service.accounts.account_links import MOST_HOURS, link_url, subject_from
from auth_service.administration.people import INVITED_HOURS, RESET_HOURS, PeopleAdministration
from auth_service.endpoints.admin_api.descriptions import people as descriptions
from auth_service.endpoints.admin_api.listing import listing
from auth_service.endpoints.admin_api.objects import conflicts, page, person_of
from auth_service.endpoints.admin_api.requests import AdminRequest
from auth_service.endpoints.admin_api.routing import AdminOperation, AdminRouting
from auth_service.protocol.admin_access import ConflictError
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.reasons import Reason
from auth_service.protocol.usernames import canonical
from auth_service.users.repository import User
from auth_service.web.http import json_response
from auth_service.web.route import Endpoint

_NEW = {"username": str, "name": str, "email": str, "password": str, "administrator": bool, "hours": int}
_CHANGES = {"username": str, "name": str, "email": str, "administrator": bool, "disabled": bool}
_DANGEROUS = frozenset({"username", "email", "administrator"})
"""The members that may give access: access rules name people by username and address."""


@dataclass(frozen=True, kw_only=True)
class PeopleApi:
    """Lists, creates, changes and deletes accounts."""

    people: PeopleAdministration
    issuer: str

    async def browse(self, admin: AdminRequest) -> Response:
        """Return accounts by username."""
        query, users = admin.query, self.people.accounts.users
        names = await users.usernames()
        if wanted := query.get("q"):
            user = await users.by_subject(wanted.strip())
            names = [canonical(user.username)] if user else [n for n in names if wanted.casefold() in n]
        some, after = listing(names, lambda name: (name,), query)
        return page("people", [_person(user) for user in await users.get_many(some)], after)

    async def create(self, admin: AdminRequest) -> Response:
        """Create an account, with a password or with a link by which the person sets one."""
        body = await admin.members(_NEW, required=("username",))
        drawn = await admin.drawn()
        if admin.is_repeated:
            return await self._created_before(body, drawn)
        with conflicts():
            user, link = await self._created(admin, body, drawn)
            if body.get("administrator"):
                user = await self.people.set_administrator(admin.actor, user, True)
        return json_response({**_person(user), **({"link": link} if link else {})}, 201)

    async def _created_before(self, body: dict[str, Any], drawn: str) -> Response:
        """Return the account as it is now: a repetition must not undo what was changed since."""
        user = await self.people.accounts.users.by_subject(subject_from(drawn))
        if user is None:
            raise ConflictError(Reason.ADMIN_CONFLICT, "the account that this request created was deleted")
        link = {} if body.get("password") else {"link": await self._repeated_link(user, drawn)}
        return json_response({**_person(user), **link}, 201)

    async def _repeated_link(self, user: User, drawn: str) -> str:
        secret = await self.people.repeated_link(user, drawn)
        if secret is None:
            raise ConflictError(Reason.ADMIN_CONFLICT, "the link of this request was used or replaced")
        return link_url(self.issuer, secret)

    async def _created(
        self, admin: AdminRequest, body: dict[str, Any], drawn: str
    ) -> tuple[User, str | None]:
        username, name, email = body["username"], body.get("name"), body.get("email") or None
        if body.get("password"):
            user = await self.people.create(admin.actor, username, body["password"], name=name, drawn=drawn)
            return (await self.people.set_email(admin.actor, user, email) if email else user), None
        user, secret = await self.people.invite(
            admin.actor, username, name=name, email=email, drawn=drawn, hours=_hours(body, INVITED_HOURS)
        )
        return user, link_url(self.issuer, secret)

    async def read(self, admin: AdminRequest) -> Response:
        """Return one account."""
        return await self._answer(await person_of(self.people.accounts.users, admin))

    async def change(self, admin: AdminRequest) -> Response:
        """Change some members of an account; those that take rights away first."""
        user, body = await person_of(self.people.accounts.users, admin), await admin.members(_CHANGES)
        if not _DANGEROUS.isdisjoint(body) or body.get("disabled") is False:
            admin.require_fresh()
        with conflicts():
            user = await self._changed(admin, user, body)
        return await self._answer(user)

    async def _changed(self, admin: AdminRequest, user: User, body: dict[str, Any]) -> User:
        people, actor = self.people, admin.actor
        if body.get("disabled") is True:
            user = await people.disable(actor, user)
        if body.get("administrator") is False:
            user = await people.set_administrator(actor, user, False)
        if "username" in body:
            user = await people.rename(actor, user, body["username"] or "")
        if "name" in body:
            user = await people.set_name(actor, user, body["name"])
        if "email" in body:
            user = await people.set_email(actor, user, body["email"] or None)
        if body.get("administrator") is True:
            user = await people.set_administrator(actor, user, True)
        if body.get("disabled") is False:
            user = await people.enable(actor, user)
        return user

    async def delete(self, admin: AdminRequest) -> Response:
        """Delete an account, with its sessions and grants."""
        user = await person_of(self.people.accounts.users, admin)
        with conflicts():
            await self.people.delete(admin.actor, user)
        return Response(status_code=204)

    async def make_link(self, admin: AdminRequest) -> Response:
        """Return a link by which the person sets a new password; end the sessions."""
        user = await person_of(self.people.accounts.users, admin)
        body = await admin.members({"hours": int, "lock": bool})
        hours, lock = _hours(body, RESET_HOURS), body.get("lock", False)
        drawn = await admin.drawn()
        if admin.is_repeated:
            link = await self._repeated_link(user, drawn)
        else:
            with conflicts():
                secret = await self.people.new_link(admin.actor, user, drawn=drawn, hours=hours, lock=lock)
            link = link_url(self.issuer, secret)
        return json_response({"link": link, "expires_in": hours * 3_600}, 201)

    async def remove_factors(self, admin: AdminRequest) -> Response:
        """Remove the second factors that the person has lost."""
        user = await person_of(self.people.accounts.users, admin)
        await self.people.reset_factors(admin.actor, user)
        return Response(status_code=204)

    async def _answer(self, user: User) -> Response:
        factors = await self.people.accounts.factors.of(user.subject)
        return json_response({**_person(user), "second_factors": factors.count})

    def endpoints(self, routing: AdminRouting) -> list[Endpoint]:
        """Return the endpoints."""
        one = "/people/{subject}"
        return [
            routing.endpoint(
                "/people",
                {
                    "GET": AdminOperation(perform=self.browse, description=descriptions.LIST),
                    "POST": AdminOperation(
                        perform=self.create, description=descriptions.CREATE, fresh=True, creates=True
                    ),
                },
            ),
            routing.endpoint(
                one,
                {
                    "GET": AdminOperation(perform=self.read, description=descriptions.READ),
                    "PATCH": AdminOperation(perform=self.change, description=descriptions.CHANGE),
                    "DELETE": AdminOperation(
                        perform=self.delete, description=descriptions.DELETE, fresh=True
                    ),
                },
            ),
            routing.endpoint(
                f"{one}/links",
                {
                    "POST": AdminOperation(
                        perform=self.make_link,
                        description=descriptions.MAKE_LINK,
                        fresh=True,
                        creates=True,
                    )
                },
            ),
            routing.endpoint(
                f"{one}/second-factors",
                {
                    "DELETE": AdminOperation(
                        perform=self.remove_factors, description=descriptions.REMOVE_FACTORS, fresh=True
                    )
                },
            ),
        ]


def _person(user: User) -> dict[str, Any]:
    members = {
        "subject": user.subject,
        "username": user.username,
        "name": user.name,
        "email": user.email,
        "administrator": user.admin,
        "disabled": user.disabled,
        "invited": user.invited,
        "has_password": bool(user.password_hash),
        "created_at": user.created_at,
    }
    return {name: value for name, value in members.items() if value is not None}


def _hours(body: dict[str, Any], default: int) -> int:
    hours: int = body.get("hours", default)
    if not 1 <= hours <= MOST_HOURS:
        raise InvalidRequestError(Reason.ADMIN_VALUE_INVALID, f"hours must be from 1 to {MOST_HOURS}")
    return hours

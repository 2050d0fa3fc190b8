"""The list of accounts, and invitations of people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode

from starlette.responses import Response

from auth_service.accounts.account_links import link_url, subject_from
from auth_service.administration.people import INVITED_HOURS, PeopleAdministration
from auth_service.grants.repository import GrantRepository
from auth_service.pages.console.operation_errors import refusals
from auth_service.pages.console.sections import MOST_GRANTS, Administrator
from auth_service.pages.pagination import paginated
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.usernames import canonical
from auth_service.users.repository import User
from auth_service.web.render import PageTemplates, see_other


@dataclass(frozen=True)
class PeopleSection:
    """The section of all accounts, by name."""

    people: PeopleAdministration
    grants: GrantRepository
    templates: PageTemplates
    issuer: str

    dangerous: ClassVar = frozenset({"invite"})

    async def handle_get(self, query: Parameters, admin: Administrator) -> Response:
        return await self._page(query, admin)

    async def _page(
        self, query: Parameters, admin: Administrator, made: tuple[User, str] | None = None
    ) -> Response:
        names, wanted = await self.people.accounts.users.usernames(), query.get("q")
        if wanted:
            names = await self._matching(names, wanted)
        usernames, page = paginated(names, query, "people")
        users = await self.people.accounts.users.get_many(usernames)
        context = {
            "admin": admin,
            "q": wanted or "",
            "page": page,
            "people": [await self._person(user) for user in users],
            "made": made,
            "hours": INVITED_HOURS,
        }
        return self.templates.render("console_people.html", context)

    async def _matching(self, names: list[str], wanted: str) -> list[str]:
        """Return the usernames containing `wanted`, or that of the account with this subject."""
        user = await self.people.accounts.users.by_subject(wanted.strip())
        return [canonical(user.username)] if user else [name for name in names if wanted.casefold() in name]

    async def _person(self, user: User) -> dict[str, Any]:
        grants = await self.grants.of_subject(user.subject, MOST_GRANTS)
        return {
            "username": user.username,
            "subject": user.subject,
            "name": user.name,
            "admin": user.admin,
            "disabled": user.disabled,
            "invited": user.invited,
            "url": person_url(user),
            "grants": len(grants),
            "many": len(grants) >= MOST_GRANTS,
        }

    async def handle_post(self, form: Parameters, admin: Administrator) -> Response:
        if form.require("action") != "invite":
            raise InvalidRequestError(Reason.FORM_FIELD_INVALID, "action must be invite")
        drawn = await admin.drawn()
        if admin.is_repeated:
            return await self._invited_before(drawn, admin)
        with refusals():
            user, secret = await self.people.invite(
                admin.actor,
                form.require("username"),
                name=form.get("name"),
                email=form.get("email"),
                drawn=drawn,
            )
        # Shown in this response, without a redirect: it is not stored, so no later page could show it.
        return await self._page(Parameters({}), admin, (user, link_url(self.issuer, secret)))

    async def _invited_before(self, drawn: str, admin: Administrator) -> Response:
        user = await self.people.accounts.users.by_subject(subject_from(drawn))
        secret = await self.people.repeated_link(user, drawn) if user else None
        if user is None or secret is None:
            return see_other("people")  # the link was used or replaced, or the account deleted
        return await self._page(Parameters({}), admin, (user, link_url(self.issuer, secret)))


def person_url(user: User) -> str:
    """Return the page of an account, relative to the console."""
    return f"person?{urlencode({'name': user.username})}"

"""The actions on the page of a person. Each calls the operation that commands and admin API call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from auth_service.accounts.connected_identities import NotDisconnectedError
from auth_service.accounts.own_email import OwnEmail
from auth_service.administration.connections import ConnectionAdministration
from auth_service.administration.groups import GroupAdministration
from auth_service.administration.people import PeopleAdministration
from auth_service.administration.provider_accounts import ProviderAccountAdministration
from auth_service.pages.console.sections import Administrator
from auth_service.pages.current_password import NotDoneError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.users.repository import User
from shared.texts import message_of, sentence_of

Action = Callable[[Parameters, User, Administrator], Awaitable[User | None]]
"""Performs an action; returns the account as it is now, or None if it is gone."""


@dataclass(frozen=True, kw_only=True)
class PersonActions:
    """The actions, by the value of their button."""

    people: PeopleAdministration
    connections: ConnectionAdministration
    groups: GroupAdministration
    provider_accounts: ProviderAccountAdministration

    @property
    def by_name(self) -> Mapping[str, Action]:
        """The actions that end with a redirect."""
        return {
            "rename": self._rename,
            "name": self._set_name,
            "email": self._set_email,
            "confirm-email": self._confirm_email,
            "disable": self._disable,
            "enable": self._enable,
            "promote": self._promote,
            "demote": self._demote,
            "delete": self._delete,
            "reset-factors": self._reset_factors,
            "disconnect": self._disconnect,
            "disconnect-account": self._disconnect_account,
            "end": self._end,
            "end-all": self._end_all,
            "join": self._join,
            "leave": self._leave,
        }

    async def _rename(self, form: Parameters, user: User, admin: Administrator) -> User:
        return await self.people.rename(admin.actor, user, form.require("username"))

    async def _set_name(self, form: Parameters, user: User, admin: Administrator) -> User:
        return await self.people.set_name(admin.actor, user, form.get("name"))

    async def _set_email(self, form: Parameters, user: User, admin: Administrator) -> User:
        return await self.people.set_email(admin.actor, user, form.get("email"))

    async def _confirm_email(self, form: Parameters, user: User, admin: Administrator) -> User:
        address = form.require("email")
        try:
            await OwnEmail(accounts=self.people.accounts).confirm(user, address)
        except ValueError as error:
            raise NotDoneError(sentence_of(message_of(error)), 400, Reason.EMAIL_NOT_CHANGED) from error
        admin.audit("e-mail address confirmed", user=user.username, user_subject=user.subject, email=address)
        return user

    async def _disable(self, _: Parameters, user: User, admin: Administrator) -> User:
        return await self.people.disable(admin.actor, user)

    async def _enable(self, _: Parameters, user: User, admin: Administrator) -> User:
        return await self.people.enable(admin.actor, user)

    async def _promote(self, _: Parameters, user: User, admin: Administrator) -> User:
        return await self.people.set_administrator(admin.actor, user, True)

    async def _demote(self, _: Parameters, user: User, admin: Administrator) -> User:
        return await self.people.set_administrator(admin.actor, user, False)

    async def _delete(self, _: Parameters, user: User, admin: Administrator) -> None:
        await self.people.delete(admin.actor, user)

    async def _reset_factors(self, _: Parameters, user: User, admin: Administrator) -> User:
        await self.people.reset_factors(admin.actor, user)
        return user

    async def _disconnect(self, form: Parameters, user: User, admin: Administrator) -> User:
        identity_id = form.require("identity")
        try:
            await self.people.accounts.connected.disconnect(user, identity_id)
        except NotDisconnectedError as error:
            raise NotDoneError(
                sentence_of(message_of(error)), 400, Reason.IDENTITY_NOT_DISCONNECTED
            ) from error
        admin.audit(
            "identity disconnected", user=user.username, user_subject=user.subject, identity=identity_id
        )
        return user

    async def _disconnect_account(self, form: Parameters, user: User, admin: Administrator) -> User:
        await self.provider_accounts.disconnect(admin.actor, user, form.require("account"))
        return user

    async def _end(self, form: Parameters, user: User, admin: Administrator) -> User:
        await self.connections.end_grant(admin.actor, user, form.require("grant_id"))
        return user

    async def _end_all(self, _: Parameters, user: User, admin: Administrator) -> User:
        await self.connections.end_grants(admin.actor, user)
        return user

    async def _join(self, form: Parameters, user: User, admin: Administrator) -> User:
        # By the subject: no other account ever has it, and a rename does not change it.
        await self.groups.add(admin.actor, form.require("group"), f"subject:{user.subject}")
        return user

    async def _leave(self, form: Parameters, user: User, admin: Administrator) -> User:
        await self.groups.remove(admin.actor, form.require("group"), form.require("member"))
        return user

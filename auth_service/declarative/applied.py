"""Reads the current state from the store, and applies changes to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from auth_service.access.components import AccessComponents
from auth_service.access.control import suggested_username
from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.administration.clients import ClientAdministration
from auth_service.crypto.keyring import KeyRing
from auth_service.crypto.pairwise import PairwiseSubjects
from auth_service.crypto.secrets import new_id
from auth_service.declarative.model import (
    AccessChange,
    AnyChange,
    ClientChange,
    DeclaredPerson,
    GroupChange,
    PairwiseChange,
    PersonChange,
    SettingChange,
    State,
)
from auth_service.declarative.sealed import SealedValues
from auth_service.declarative.stored_settings import DeclaredSettings
from auth_service.protocol.access import Access
from auth_service.protocol.factors import Factors
from auth_service.protocol.usernames import canonical
from auth_service.users.repository import User
from shared.clock import Clock
from shared.logs import get_logger
from shared.storage.interface import Store

_log = get_logger(__name__)


class StateChangedError(Exception):
    """Somebody else has changed the same thing in the meantime."""


@dataclass(frozen=True, kw_only=True)
class DeclarativeConfiguration:
    """The parts of an installation that a file can declare."""

    accounts: AccountLifecycle
    access: AccessComponents
    clients: ClientAdministration
    clock: Clock
    settings: DeclaredSettings
    pairwise_subjects: PairwiseSubjects | None
    sealed: SealedValues

    @classmethod
    def of_store(
        cls, store: Store, clock: Clock, default: Access | None, key_ring: KeyRing | None = None
    ) -> DeclarativeConfiguration:
        """Create the components.

        Args:
            default: the access rules while none are stored; None for no restriction.
            key_ring: encrypts the secrets of settings; None if there are no master keys.
        """
        return cls(
            accounts=AccountLifecycle.of_store(store, clock),
            access=AccessComponents.of_store(store, clock, default),
            clients=ClientAdministration.of_store(store, clock),
            clock=clock,
            settings=DeclaredSettings(store, key_ring),
            pairwise_subjects=None if key_ring is None else PairwiseSubjects(store, key_ring),
            sealed=SealedValues(key_ring),
        )

    async def state(self) -> State:
        """Return the current state."""
        rules = await self.access.rules.load()
        groups = self.access.groups
        users = [await self._with_provider_username(user) for user in await self.accounts.users.list()]
        return State(
            people={canonical(user.username): user for user in users},
            groups={name: frozenset(await groups.members(name)) for name in await groups.names()},
            access=rules.access,
            access_version=rules.version,
            access_declared=rules.declared,
            clients={client.client_id: client for client in await self.clients.clients.list()},
            settings=await self.settings.all(),
            can_seal=self.settings.can_seal,
            identities={user.subject: tuple(await self.accounts.connected.of(user)) for user in users},
            factors={user.subject: await self.accounts.factors.of(user.subject) for user in users},
            pairwise_key=await self.pairwise_subjects.sealed_key() if self.pairwise_subjects else None,
            sealed=self.sealed,
        )

    async def _with_provider_username(self, user: User) -> User:
        """Return an account from before it was recorded whether a provider suggested the username.

        A restored account without its identities would otherwise hold what rules give to that username.
        """
        if user.provider_username is not None:
            return user
        identities = await self.accounts.connected.of(user)
        return replace(user, provider_username=suggested_username(user, identities))

    async def apply(self, change: AnyChange) -> None:
        """Apply one change and log it. Safe to repeat.

        Raises:
            AccessChangedError, NoSuchUserError, StateChangedError, UserExistsError, ValueError: somebody else
                has changed the same thing in the meantime.
        """
        match change:
            case PersonChange():
                await self._person(change)
            case GroupChange():
                await self._group(change)
            case AccessChange():
                await self.access.rules.save(change.access, change.version, declared=change.declared)
            case ClientChange():
                await self._client(change)
            case SettingChange():
                await self._setting(change)
            case PairwiseChange():
                await self._pairwise_key(change)
        _log.info(
            "configuration changed",
            section=change.section,
            action=change.action,
            name=change.name,
            details=change.logged,
        )

    async def _person(self, change: PersonChange) -> None:
        if change.person is None:
            if change.account is not None:
                await self.accounts.delete(change.account)
        elif change.account is None:
            await self._give_logins(await self._add(change.person), change.person)
        else:
            await self._change(change.account, change.person)
            await self._give_logins(change.account, change.person)

    async def _give_logins(self, user: User, person: DeclaredPerson) -> None:
        """Give the account what `plan_logins` has found missing; the second factors first."""
        if person.factors is not None:
            await self.accounts.factors.change(user.subject, partial(_with_factors, person.factors))
        if not person.identities:
            return
        async with self.access.changes.around(user.subject):
            for identity in person.identities:
                restored = replace(
                    identity,
                    subject=user.subject,
                    connected_at=identity.connected_at or int(self.clock()),
                )
                if not await self.accounts.connected.identities.restore(restored):
                    raise StateChangedError(f"the identity {identity.name} is another account's")

    async def _add(self, person: DeclaredPerson) -> User:
        user = await self.accounts.users.add_new(
            User(
                subject=person.subject or new_id(),
                username=person.username,
                password_hash=person.password_hash or "",
                created_at=int(self.clock()),
                name=person.name or None,
                admin=bool(person.admin),
                disabled=bool(person.disabled),
                accepts_links=person.accepts_links is not False,
                provider_username=person.provider_username or "",
            )
        )
        if person.email:
            user = await self.accounts.users.set_email(user, person.email)
        return user

    async def _change(self, account: User, person: DeclaredPerson) -> None:
        """Apply what takes rights away first: a change that is interrupted must not leave more of them."""
        if person.disabled:
            await self.accounts.disable(account)
        if person.admin is False:
            await self.accounts.demote(account)
        if person.password_hash is not None:
            await self.accounts.replace_password_hash(account, person.password_hash)
        if person.email is not None:
            await self.accounts.set_email(account, person.email or None)
        await self._change_values(account, person)
        if person.admin:
            await self.accounts.connected.promote(account)
        if person.disabled is False:
            await self.accounts.enable(account)

    async def _change_values(self, account: User, person: DeclaredPerson) -> None:
        values: dict[str, object] = {}
        if person.name is not None:
            values["name"] = person.name or None
        if person.accepts_links is not None:
            values["accepts_links"] = person.accepts_links
        if person.provider_username is not None:
            values["provider_username"] = person.provider_username
        if values:
            async with self.access.changes.around(account.subject):
                await self.accounts.users.change(account, lambda user: replace(user, **values))  # type: ignore[arg-type]

    async def _group(self, change: GroupChange) -> None:
        for member in sorted(change.removed):
            await self.access.groups.remove(change.name, member)
        for member in sorted(change.added):
            await self.access.groups.add(change.name, member)

    async def _setting(self, change: SettingChange) -> None:
        if not await self.settings.put(change.section, change.name, before=change.before, after=change.after):
            raise StateChangedError(f"{change.section} {change.name} was changed meanwhile")

    async def _client(self, change: ClientChange) -> None:
        if change.metadata is None:
            await self.clients.delete(change.name)
            return
        if change.disabled and change.action == "change":
            await self.clients.disable(change.name)
        if not await self._written(change, change.metadata):
            raise StateChangedError(f"the client {change.name} was changed meanwhile")
        if change.disabled is False and change.action == "change":
            await self.clients.enable(change.name)

    async def _written(self, change: ClientChange, metadata: dict[str, Any]) -> bool:
        clients = self.clients.operator_clients
        if change.action == "change":
            return await clients.change(change.name, metadata, change.secret_hash)
        return await clients.add(change.name, metadata, change.secret_hash, disabled=bool(change.disabled))

    async def _pairwise_key(self, change: PairwiseChange) -> None:
        subjects = self.pairwise_subjects
        if subjects is None or not await subjects.restore_key(change.sealed, before=change.before):
            raise StateChangedError("the key of pairwise subjects was changed meanwhile")


def _with_factors(factors: Factors, stored: Factors) -> tuple[Factors | None, None]:
    return (None if stored.count else replace(factors, notices=stored.notices)), None

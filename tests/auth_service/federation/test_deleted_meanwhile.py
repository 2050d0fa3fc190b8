"""Accounts that are deleted while somebody logs in to them through a provider (ID-7)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.crypto.passwords import Passwords
from auth_service.crypto.secrets import new_id
from auth_service.federation.accounts import FederatedAccounts, How
from auth_service.federation.errors import IdentityRefusedError
from auth_service.federation.identities import Identity, IdentityRepository, Origin, id_of
from auth_service.journal.account_events import AccountEvents
from auth_service.journal.journal import NoJournal
from auth_service.protocol.federated_identity import FederatedIdentity
from auth_service.users.emails import EmailAddresses
from auth_service.users.repository import User, UserRepository
from shared.clock import system_clock
from shared.journal.event import EventKind
from shared.storage.interface import Store
from tests.auth_service.federation.people import ISSUER, PROVIDER, somebody

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ID-2", "ID-7", "SEC-16")]


@dataclass
class Once:
    """An action that happens once, at the worst moment."""

    act: Callable[[], Awaitable[object]] | None = None

    async def happen(self) -> None:
        act, self.act = self.act, None
        if act is not None:
            await act()


class OvertakenUsers(UserRepository):
    """Looks for an account after something else has happened."""

    def __init__(self, store: Store, before: Once) -> None:
        super().__init__(store, Passwords())
        self._before = before

    async def by_subject(self, subject: str) -> User | None:
        await self._before.happen()
        return await super().by_subject(subject)


class OvertakenIdentities(IdentityRepository):
    """Connects an identity after something else has happened."""

    def __init__(self, store: Store, before: Once) -> None:
        super().__init__(store, system_clock)
        self._before = before

    async def connect(
        self, federated: FederatedIdentity, provider_id: str, subject: str, *, origin: Origin
    ) -> Identity:
        await self._before.happen()
        return await super().connect(federated, provider_id, subject, origin=origin)


@dataclass
class Setting:
    """One store with the accounts, and what happens while somebody logs in."""

    store: Store
    observed: Once
    connected: Once

    @property
    def accounts(self) -> FederatedAccounts:
        return FederatedAccounts(
            users=OvertakenUsers(self.store, self.observed),
            identities=OvertakenIdentities(self.store, self.connected),
        )

    @property
    def lifecycle(self) -> AccountLifecycle:
        return AccountLifecycle.of_store(self.store, system_clock)

    async def local(self, email: str | None = None) -> User:
        users = self.lifecycle.users
        user = await users.add(f"local-{new_id()}".lower(), "correct horse battery")
        return await users.set_email(user, email) if email else user


@pytest.fixture
def setting(store: Store) -> Setting:
    return Setting(store, Once(), Once())


async def test_a_subject_never_comes_back_with_a_login_that_its_deletion_overtook(setting: Setting) -> None:
    person = somebody()
    before, _ = await setting.accounts.account_of(person, PROVIDER)
    setting.observed.act = lambda: setting.lifecycle.delete(before)
    after, how = await setting.accounts.account_of(person, PROVIDER)
    assert (after.subject != before.subject, how) == (True, How.CREATED)
    assert await setting.lifecycle.users.by_subject(before.subject) is None


async def test_an_identity_is_not_left_connected_to_a_deleted_account(setting: Setting) -> None:
    person, local = somebody(), await setting.local()
    setting.connected.act = lambda: setting.lifecycle.delete(local)
    with pytest.raises(IdentityRefusedError):
        await setting.accounts.connect(person, PROVIDER, local.subject)
    after, _ = await setting.accounts.account_of(person, PROVIDER)
    assert after.subject != local.subject


async def test_an_address_links_nobody_to_an_account_that_was_deleted_meanwhile(setting: Setting) -> None:
    person = somebody()
    local = await setting.local(person.email)
    setting.connected.act = lambda: setting.lifecycle.delete(local)
    with pytest.raises(IdentityRefusedError):
        await setting.accounts.account_of(person, PROVIDER)
    assert await setting.lifecycle.users.by_subject(local.subject) is None
    assert await setting.accounts.identities.get(ISSUER, person.subject) is None


async def test_an_address_left_by_an_interrupted_deletion_opens_no_account_of_the_next_owner_of_the_name(
    setting: Setting,
) -> None:
    person, local = somebody(), await setting.local()
    await EmailAddresses(setting.store).claim(person.email or "", local.username)
    after, how = await setting.accounts.account_of(person, PROVIDER)
    assert (after.subject != local.subject, how) == (True, How.CREATED)


class Recorded(NoJournal):
    """A journal that keeps the action, the subject and the identity of its events."""

    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []

    async def record(self, kind: EventKind, **members: object) -> None:
        self.events.append((members["action"], members["subject"], members["identity"]))


def undone(person: FederatedIdentity, subject: str) -> list[tuple[object, ...]]:
    identity = id_of(person.issuer, person.subject)
    return [(f"identity {what}", subject, identity) for what in ("connected", "disconnected")]


async def test_a_connection_that_does_not_stay_is_recorded_as_ended(setting: Setting) -> None:
    journal = Recorded()
    accounts = replace(setting.accounts, events=AccountEvents(journal))
    person, local = somebody(), await setting.local()
    setting.connected.act = lambda: setting.lifecycle.delete(local)
    with pytest.raises(IdentityRefusedError):
        await accounts.connect(person, PROVIDER, local.subject)
    assert journal.events == undone(person, local.subject)


async def test_a_connection_that_another_account_was_faster_to_make_is_recorded_as_ended(
    setting: Setting,
) -> None:
    journal = Recorded()
    accounts = replace(setting.accounts, events=AccountEvents(journal))
    person, local = somebody(), await setting.local()
    setting.connected.act = lambda: setting.accounts.account_of(person, PROVIDER)
    with pytest.raises(IdentityRefusedError):
        await accounts.connect(person, PROVIDER, local.subject)
    assert journal.events == undone(person, local.subject)


async def test_of_two_first_logins_at_once_one_is_recorded_as_ended(setting: Setting) -> None:
    journal = Recorded()
    accounts = replace(setting.accounts, events=AccountEvents(journal))
    person = somebody()
    setting.connected.act = lambda: setting.accounts.account_of(person, PROVIDER)
    user, _ = await accounts.account_of(person, PROVIDER)
    subject = str(journal.events[0][1])
    assert subject != user.subject
    assert journal.events == undone(person, subject)


async def test_no_connection_to_a_disabled_account_is_recorded(setting: Setting) -> None:
    journal = Recorded()
    accounts = replace(setting.accounts, events=AccountEvents(journal))
    local = await setting.local()
    await setting.lifecycle.users.set_disabled(local, True)
    with pytest.raises(IdentityRefusedError):
        await accounts.connect(somebody(), PROVIDER, local.subject)
    assert journal.events == []

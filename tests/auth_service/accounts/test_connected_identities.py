"""Identities that are disconnected, and those that a promotion ends (ID-2, ID-7)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from auth_service.accounts.connected_identities import NotDisconnectedError
from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.federation.accounts import FederatedAccounts, How
from auth_service.federation.errors import IdentityRefusedError
from auth_service.federation.identities import Identity, IdentityRepository, Origin
from auth_service.protocol.factors import Passkey
from auth_service.protocol.federated_accounts import Refusal
from auth_service.protocol.federated_identity import FederatedIdentity
from auth_service.users.repository import User
from auth_service.users.sessions import SessionRepository
from shared.clock import system_clock
from shared.storage.interface import Store
from tests.auth_service.federation.people import PROVIDER, somebody

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ID-2", "ID-7", "SEC-16")]

PASSWORD = "quiet copper lantern"


class Here:
    """The accounts on one store."""

    def __init__(self, store: Store) -> None:
        self.lifecycle = AccountLifecycle.of_store(store, system_clock)
        self.users, self.connected = self.lifecycle.users, self.lifecycle.connected
        self.identities = IdentityRepository(store, system_clock)
        self.federated = FederatedAccounts(users=self.users, identities=self.identities)
        self.sessions = SessionRepository(store, system_clock, ttl_s=60)

    async def log_in(self, person: FederatedIdentity) -> tuple[User, How]:
        return await self.federated.account_of(person, PROVIDER)

    async def local(self, email: str | None = None) -> User:
        user = await self.lifecycle.create("ada", PASSWORD)
        return await self.users.set_email(user, email) if email else user

    async def connect(self, user: User, origin: Origin = Origin.OWNER, provider: str = "idp") -> Identity:
        return await self.identities.connect(somebody(), provider, user.subject, origin=origin)


@pytest.fixture
def here(store: Store) -> Here:
    return Here(store)


async def test_the_last_way_to_log_in_is_not_disconnected(here: Here) -> None:
    user, _ = await here.log_in(somebody())
    before = await here.connected.of(user)
    with pytest.raises(NotDisconnectedError, match="only way"):
        await here.connected.disconnect(user, before[0].identity_id)
    with pytest.raises(NotDisconnectedError, match="only way"):
        await here.connected.disconnect_all(user)
    assert await here.connected.of(user) == before


async def test_an_identity_of_an_unconfigured_provider_does_not_count_as_a_login_method(here: Here) -> None:
    user, _ = await here.log_in(somebody())
    (identity,) = await here.connected.of(user)
    await here.connect(user, provider="former")
    with pytest.raises(NotDisconnectedError, match="only way"):
        await here.connected.disconnect(user, identity.identity_id, providers={"idp"})
    await here.connected.disconnect(user, identity.identity_id, providers={"idp", "former"})


@pytest.mark.requirement("ID-5")
async def test_a_passkey_is_another_way_once_it_has_logged_in_by_itself(here: Here) -> None:
    user, _ = await here.log_in(somebody())
    (identity,) = await here.connected.of(user)
    key = Passkey(credential_id="k", public_key="p", name="Phone", added_at=0)

    async def store(key: Passkey) -> None:
        await here.lifecycle.factors.change(
            user.subject, lambda factors: (replace(factors, passkeys=(key,)), None)
        )

    for unfit in (key, replace(key, alone=True, cloned_at=1)):
        await store(unfit)
        with pytest.raises(NotDisconnectedError, match="only way"):
            await here.connected.disconnect(user, identity.identity_id)
    await store(replace(key, alone=True))
    await here.connected.disconnect(user, identity.identity_id)
    notices = (await here.lifecycle.factors.of(user.subject)).notices
    assert [notice.text for notice in notices] == [f"{identity.name} at idp was disconnected"]


async def test_two_disconnections_at_once_leave_one_way_to_log_in(here: Here) -> None:
    user, _ = await here.log_in(somebody())
    await here.connect(user)
    both = [each.identity_id for each in await here.connected.of(user)]
    results = await asyncio.gather(
        *(here.connected.disconnect(user, each) for each in both), return_exceptions=True
    )
    assert any(isinstance(result, NotDisconnectedError) for result in results)
    assert len(await here.connected.of(user)) >= 1


async def test_an_account_that_got_a_password_later_works_without_its_first_identity(here: Here) -> None:
    person = somebody()
    user, _ = await here.log_in(person)
    user = await here.lifecycle.set_password(user, PASSWORD)
    (identity,) = await here.connected.of(user)
    await here.connected.disconnect(user, identity.identity_id)
    authenticated = await here.users.authenticate(user.username, PASSWORD)
    assert authenticated is not None
    assert authenticated.subject == user.subject
    assert await here.identities.get(person.issuer, person.subject) is None


async def test_the_address_does_not_connect_again_what_was_disconnected(here: Here) -> None:
    person = somebody()
    user = await here.local(person.email)
    assert (await here.log_in(person))[1] is How.LINKED
    (identity,) = await here.connected.of(user)
    await here.connected.disconnect(user, identity.identity_id)
    with pytest.raises(IdentityRefusedError) as refused:
        await here.log_in(person)
    assert refused.value.refusal is Refusal.LOG_IN_FIRST


async def test_an_identity_of_another_account_is_not_disconnected(here: Here) -> None:
    theirs, _ = await here.log_in(somebody())
    (identity,) = await here.connected.of(theirs)
    with pytest.raises(NotDisconnectedError, match="not connected"):
        await here.connected.disconnect(await here.local(), identity.identity_id)


async def test_logins_through_the_provider_end_and_the_others_and_the_current_one_stay(here: Here) -> None:
    user = await here.local()
    identity = await here.connect(user)
    for secret, provider_id in (("theirs", "idp"), ("mine", "idp"), ("password", None), ("other", "other")):
        await here.sessions.begin(user, secret, provider_id=provider_id)
    mine = await here.sessions.find("mine")
    await here.connected.disconnect(user, identity.identity_id, spared=mine)
    left = [await here.sessions.find(secret) for secret in ("theirs", "mine", "password", "other")]
    assert [session is not None for session in left] == [False, True, True, True]


async def test_a_promotion_ends_the_link_that_nobody_made_and_its_logins(here: Here) -> None:
    person = somebody()
    user = await here.local(person.email)
    await here.log_in(person)
    own = await here.connect(user, Origin.OWNER, provider="other")
    await here.sessions.begin(user, "silent", provider_id="idp")
    await here.sessions.begin(user, "own", provider_id="other")
    await here.connected.promote(user)
    assert await here.connected.of(user) == [own]
    assert await here.sessions.find("silent") is None
    assert await here.sessions.find("own") is not None
    with pytest.raises(IdentityRefusedError):
        await here.log_in(person)


async def test_an_administrator_does_not_log_in_through_a_link_that_nobody_made(here: Here) -> None:
    person = somebody()
    user = await here.local(person.email)
    await here.log_in(person)
    promoted = await here.users.set_admin(user, True)  # as by releases that left the link
    with pytest.raises(IdentityRefusedError) as refused:
        await here.log_in(person)
    assert refused.value.refusal is Refusal.LOG_IN_FIRST
    await here.federated.connect(person, PROVIDER, user.subject)
    assert await here.log_in(person) == (promoted, How.KNOWN)


async def test_a_login_that_a_promotion_overtakes_begins_no_session(here: Here) -> None:
    person = somebody()
    user = await here.local(person.email)
    authenticated, _ = await here.log_in(person)
    await here.connected.promote(user)
    assert not await here.users.may_still_log_in(authenticated)


async def test_an_account_that_was_created_for_its_identity_keeps_it_when_promoted(here: Here) -> None:
    person = somebody()
    user, _ = await here.log_in(person)
    await here.connected.promote(user)
    assert (await here.log_in(person))[1] is How.KNOWN


@pytest.mark.parametrize(
    ("origin", "later_s", "silent"),
    [
        (Origin.UNKNOWN, 0, False),
        (Origin.UNKNOWN, 1, True),
        (Origin.EMAIL, 0, True),
        (Origin.OWNER, 1, False),
        (Origin.CREATED, 1, False),
    ],
)
async def test_an_identity_of_unknown_origin_counts_as_silent_if_the_account_is_older(
    origin: Origin, later_s: int, *, silent: bool
) -> None:
    identity = Identity(
        subject="s",
        provider_id="idp",
        issuer="https://idp.example",
        provider_subject="p",
        connected_at=100 + later_s,
        origin=origin,
    )
    assert identity.is_silent_link(100) is silent

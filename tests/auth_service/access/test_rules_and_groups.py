"""Access rules and local groups in the store, on both stores."""

from __future__ import annotations

import asyncio

import pytest

from auth_service.access.components import AccessComponents
from auth_service.access.rules import AccessChangedError
from auth_service.crypto.passwords import Passwords
from auth_service.protocol.access import ADMINISTRATORS, OPEN, Access, closed_access
from auth_service.protocol.access_document import InvalidAccessError, parse_access
from auth_service.users.repository import UserRepository
from shared.storage import Store
from tests.auth_service.access.announced import Announced

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ID-3")]

NOTES = "https://notes.example/mcp"
OPS = parse_access({"groups": {"ops": {NOTES: ["notes:read"]}}})


def components(store: Store, default: Access | None = None) -> AccessComponents:
    return AccessComponents.of_store(store, lambda: 1_800_000_000.0, default)


async def subject_of(store: Store, username: str, *, admin: bool = False) -> str:
    user = await UserRepository(store, Passwords()).add(username, "seven moss harbours", admin=admin)
    return user.subject


async def test_without_rules_everything_is_open(store: Store) -> None:
    ada = await subject_of(store, "ada")
    assert await components(store).control.held(ada, NOTES) is OPEN


async def test_a_new_installation_is_open_to_administrators_alone(store: Store) -> None:
    here = components(store, closed_access())
    ada, eve = await subject_of(store, "ada", admin=True), await subject_of(store, "eve")
    assert (await here.control.held(ada, NOTES)).allows("anything")
    assert not (await here.control.held(eve, NOTES)).anything
    await here.rules.save(OPS, 0)
    assert not (await here.control.held(ada, NOTES)).anything


async def test_every_process_sees_new_rules_and_groups_at_once(store: Store) -> None:
    here, there = components(store), components(store)
    ada = await subject_of(store, "ada")
    saved = await here.rules.save(OPS, 0)
    assert not (await there.control.held(ada, NOTES)).anything
    await here.groups.add("ops", "ADA")
    assert (await there.control.held(ada, NOTES)).scopes == {"notes:read"}
    await here.rules.save(closed_access(), saved.version)
    assert not (await there.control.held(ada, NOTES)).anything


async def test_of_two_who_change_the_same_rules_one_learns_that_the_other_was_first(store: Store) -> None:
    here, there = components(store), components(store)
    for version in (0, 1):
        results = await asyncio.gather(
            here.rules.save(OPS, version), there.rules.save(closed_access(), version), return_exceptions=True
        )
        assert sum(isinstance(result, AccessChangedError) for result in results) == 1
    assert (await here.rules.load()).version == 2


async def test_rules_that_would_be_read_for_too_long_are_refused(store: Store) -> None:
    entries = {f"person-{number}": {NOTES: ["s" * 90]} for number in range(1_500)}
    with pytest.raises(InvalidAccessError, match="larger than"):
        await components(store).rules.save(parse_access({"people": entries}), 0)


async def test_people_are_in_a_group_before_their_first_login(store: Store) -> None:
    here = components(store)
    await here.rules.save(OPS, 0)
    await here.groups.add("ops", "Ada@Corp.example")
    ada = await subject_of(store, "ada")
    assert not (await here.control.held(ada, NOTES)).anything
    users = UserRepository(store, Passwords())
    user = await users.get("ada")
    assert user is not None
    await users.set_email(user, "ada@corp.example")
    assert (await here.control.held(ada, NOTES)).anything


async def test_a_group_lists_its_members_until_the_last_one_leaves(store: Store) -> None:
    groups = components(store).groups
    assert await groups.add("ops", "Ada") == "ada"
    await groups.add("ops", "eve@corp.example")
    assert (await groups.names(), await groups.members("ops")) == (["ops"], ["ada", "eve@corp.example"])
    assert await groups.remove("ops", "ada")
    assert not await groups.remove("ops", "ada")
    assert await groups.remove("ops", "Eve@corp.example")
    assert await groups.names() == []
    assert await groups.of(["ada", "eve@corp.example"]) == frozenset()


@pytest.mark.parametrize(
    ("group", "member"), [("two words", "ada"), ("ops", "ada@"), (ADMINISTRATORS, "ada"), ("okta:ops", "ada")]
)
async def test_what_is_not_a_name_is_refused(store: Store, group: str, member: str) -> None:
    with pytest.raises(ValueError, match=r"group|person|administrators"):
        await components(store).groups.add(group, member)


@pytest.mark.requirement("ID-4")
async def test_resource_servers_are_told_before_and_after_a_change(store: Store) -> None:
    noting = Announced(store)
    here = components(noting.store)
    ada = await subject_of(store, "ada")
    await store.index_add(f"doorward:subject-grants:{ada}", "grant-1", ttl_s=None)
    await here.rules.save(OPS, 0)
    assert noting.calls == ["changed everything", "create", "changed everything"]
    noting.calls.clear()
    await here.groups.add("ops", "ada")
    assert noting.calls[-1] == "changed grant-1"
    noting.calls.clear()
    await here.groups.remove("ops", "ada")
    assert (noting.calls[0], noting.calls[-1]) == ("changed grant-1", "changed grant-1")


@pytest.mark.requirement("ID-4")
@pytest.mark.parametrize("member", ["okta:ada@corp.example", "issuer:https://idp.example", "*"])
async def test_a_name_that_may_be_anybody_is_announced_as_everybody(store: Store, member: str) -> None:
    noting = Announced(store)
    await components(noting.store).groups.add("ops", member)
    assert noting.calls[-1] == "changed everything"

"""Which grants are listed, and which grants end with another."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import AsyncMock

import pytest
from structlog.testing import capture_logs

from auth_service.crypto.handles import new_grant_id
from auth_service.grants import repository
from auth_service.storage import keys
from shared.storage.interface import StoreFullError, StoreUnavailableError
from tests.auth_service.grants.installation import Installation

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-16")]


async def test_active_grants_are_listed_oldest_first_until_they_end(here: Installation) -> None:
    client, owner = await here.client(), (await here.session()).owner
    opened = []
    for _ in range(3):
        opened.append(await here.grant(client, owner))
        here.now += 1
    assert await here.grants.of_client(client.client_id) == opened
    assert await here.grants.of_subject(owner.subject) == opened
    assert await here.grants.of_subject(owner.subject, most=1) == opened[:1]
    assert await here.grants.revoke(opened[0].grant_id)
    index = keys.client_grants(client.client_id)
    for listed in (index, keys.subject_grants(owner.subject)):
        assert await here.store.index_list(listed) == sorted(grant.grant_id for grant in opened[1:])
    assert await here.grants.of_client(client.client_id) == opened[1:]
    here.now = float(opened[2].refresh_expires_at)
    assert await here.grants.of_client(client.client_id) == []
    assert await here.store.index_list(index) == []


async def test_a_grant_is_listed_and_stored_for_as_long_as_it_lasts(here: Installation) -> None:
    client = await here.client()
    grant = await here.grant(client)
    index = keys.client_grants(client.client_id)
    here.now = grant.expires_at - 1
    assert await here.store.index_list(index) == [grant.grant_id]
    here.now = grant.expires_at
    assert await here.store.index_list(index) == []
    here.now = grant.kept_until - 1
    assert await here.grants.get(grant.grant_id) == grant
    here.now = grant.kept_until
    assert await here.grants.get(grant.grant_id) is None


async def test_a_grant_that_ends_as_it_is_opened_is_listed_for_a_second(here: Installation) -> None:
    grant = await here.grant(await here.client())
    index = keys.client_grants("another")
    here.now = grant.expires_at
    await here.grants.open(replace(grant, grant_id=new_grant_id(), client_id="another"))
    assert len(await here.store.index_list(index)) == 1
    here.now += 1
    assert await here.store.index_list(index) == []


@pytest.mark.parametrize(("most", "listed", "read"), [(1, 1, 2), (2, 2, 2), (3, 3, 4), (None, 5, 5)])
async def test_no_more_grants_are_read_than_are_wanted(
    here: Installation, monkeypatch: pytest.MonkeyPatch, most: int | None, listed: int, read: int
) -> None:
    client = await here.client()
    for _ in range(5):
        await here.grant(client)
    monkeypatch.setattr(repository, "READ_AT_ONCE", 2)
    get = AsyncMock(side_effect=here.store.get)
    monkeypatch.setattr(here.store, "get", get)
    assert len(await here.grants.of_client(client.client_id, most=most)) == listed
    assert get.await_count == read


async def test_what_was_given_in_the_session_stays_and_is_listed(here: Installation) -> None:
    client, owner = await here.client(), (await here.session()).owner
    grants = [await here.grant(client, replace(owner, session_id=name)) for name in ("this", "that")]
    await here.grants.revoke_of_subject(owner.subject, but_session="this")
    index = keys.subject_grants(owner.subject)
    assert await here.store.index_list(index) == [grants[0].grant_id]


async def test_a_grant_that_is_no_longer_stored_is_not_listed(here: Installation) -> None:
    index = keys.client_grants("client")
    await here.store.index_add(index, "gone", ttl_s=None)
    await here.grants.revoke_of_client("client")
    assert await here.store.index_list(index) == []


async def test_a_grant_ends_although_it_stays_listed(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = await here.grant(await here.client())
    unavailable = AsyncMock(side_effect=StoreUnavailableError("down"))
    monkeypatch.setattr(here.store, "index_remove", unavailable)
    with capture_logs() as lines:
        assert await here.grants.revoke(grant.grant_id)
    assert [(line["event"], line["reason"]) for line in lines] == [
        ("revoked grant not removed from the index", "down")
    ]


async def test_a_grant_is_deleted_where_there_is_no_room_to_revoke_it(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = iter(["overtaken", "overtaken again", "deleted"])
    grant = await here.grant(await here.client())
    monkeypatch.setattr(here.store, "replace", AsyncMock(side_effect=[False, False, StoreFullError("full")]))
    revoked = replace(grant, state="revoked")
    assert await here.grants.change(grant.grant_id, lambda _: (revoked, next(results))) == "deleted"
    assert await here.grants.get(grant.grant_id) is None
    assert await here.store.index_list(keys.client_grants(grant.client_id)) == []


async def test_any_other_change_that_there_is_no_room_for_does_not_happen(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = await here.grant(await here.client())
    monkeypatch.setattr(here.store, "replace", AsyncMock(side_effect=StoreFullError("full")))
    with pytest.raises(StoreFullError):
        await here.grants.change(grant.grant_id, lambda grant: (replace(grant, acr="other"), True))
    assert await here.grants.get(grant.grant_id) == grant


async def test_a_grant_ends_with_each_grant_it_was_derived_from(here: Installation) -> None:
    client = await here.client()
    first, second = await here.grant(client), await here.grant(client)
    child = replace(first, grant_id=new_grant_id(), parent_grants=(first.grant_id, second.grant_id))
    await here.grants.open(child)
    assert await here.grants.within_parents(child) == child
    await here.grants.revoke(second.grant_id)
    assert await here.grants.within_parents(child) is None
    assert await here.grants.of_client(client.client_id) == [first]
    assert await here.grants.within_parents(replace(child, parent_grants=(new_grant_id(),))) is None


async def test_the_calls_of_tools_are_forgotten_with_a_revoked_grant(here: Installation) -> None:
    grant = await here.grant(await here.client())
    calls = keys.tool_calls(grant.grant_id)
    await here.store.create(calls, b"calls", ttl_s=60)
    await here.grants.revoke(grant.grant_id)
    assert await here.store.get(calls) is None


async def test_a_grant_is_read_together_with_another_value(here: Installation) -> None:
    grant = await here.grant(await here.client())
    stored, other = await here.grants.read_with(grant.grant_id, "other")
    assert stored is not None
    assert (here.grants.decoded(stored), other) == (grant, None)
    await here.store.create("other", b"value", ttl_s=60)
    assert await here.grants.read_with(grant.grant_id, "other") == [stored, b"value"]
    assert await here.grants.read_with(new_grant_id(), "other") == [None, b"value"]

"""Which grants are listed, and which grants end with another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.crypto.handles import new_grant_id
from auth_service.storage import keys
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
    assert await here.grants.of_client(client.client_id) == opened[1:]
    index = keys.client_grants(client.client_id)
    assert opened[0].grant_id not in await here.store.index_list(index)
    here.now = float(opened[2].refresh_expires_at)
    assert await here.grants.of_client(client.client_id) == []
    assert await here.store.index_list(index) == []


async def test_a_grant_ends_with_each_grant_it_was_derived_from(here: Installation) -> None:
    client = await here.client()
    first, second = await here.grant(client), await here.grant(client)
    child = replace(first, grant_id=new_grant_id(), parent_grants=(first.grant_id, second.grant_id))
    await here.grants.open(child)
    assert await here.grants.parents_active(child)
    await here.grants.revoke(second.grant_id)
    assert not await here.grants.parents_active(child)
    assert await here.grants.of_client(client.client_id) == [first]
    assert not await here.grants.parents_active(replace(child, parent_grants=(new_grant_id(),)))

"""The identities of an account are those that name it, whatever an index lists (ID-2, ID-3)."""

from __future__ import annotations

import pytest

from auth_service.access.components import AccessComponents
from auth_service.crypto.passwords import Passwords
from auth_service.federation.identities import IdentityRepository, Origin
from auth_service.protocol.access_document import parse_access
from auth_service.storage import keys
from auth_service.users.repository import UserRepository
from shared.clock import system_clock
from shared.storage import Store
from tests.auth_service.federation.people import somebody

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ID-2", "ID-3")]

NOTES = "https://notes.example/mcp"


async def test_an_interrupted_disconnection_leaves_no_access_to_what_the_next_account_holds(
    store: Store,
) -> None:
    users, identities = UserRepository(store, Passwords()), IdentityRepository(store, system_clock)
    access = AccessComponents.of_store(store, system_clock, None)
    former = await users.add("eve", "seven moss harbours")
    current = await users.add("ada", "seven moss harbours")
    person = somebody()
    rules = {"people": {f"idp:{person.email}": {NOTES: "*"}}}
    await access.rules.save(parse_access(rules), 0)
    earlier = await identities.connect(person, "idp", former.subject, origin=Origin.OWNER)
    await identities.note_login(person)
    listed = await store.index_list(keys.subject_identities(former.subject))
    await identities.disconnect(earlier)
    # As after a crash of the process between the two writes of `disconnect`.
    await store.index_add(keys.subject_identities(former.subject), listed[0], ttl_s=None)
    await identities.connect(person, "idp", current.subject, origin=Origin.OWNER)
    await identities.note_login(person)
    assert (await access.control.held(current.subject, NOTES)).anything
    assert not (await access.control.held(former.subject, NOTES)).anything
    assert await identities.of_subject(former.subject) == []

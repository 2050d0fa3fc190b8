"""A deleted account leaves a journal that can be verified, and no name (JR-3)."""

from __future__ import annotations

import json

import pytest

from auth_service.crypto.keyring import KeyRing
from auth_service.crypto.passwords import Passwords
from auth_service.journal.keys import public_keys
from auth_service.journal.reader import JournalReader, JournalReport
from auth_service.settings import KeySettings
from auth_service.users.repository import User, UserRepository
from shared.clock import system_clock
from shared.storage import Store
from tests.auth_service.journal.events import events_of, kinds
from tests.auth_service.service import MASTER_KEY, AuthorizationServer, nobodys

pytestmark = pytest.mark.requirement("JR-3")

PASSWORD = "quiet copper lantern"


def verified(server: AuthorizationServer) -> JournalReport:
    key_ring = KeyRing(KeySettings(master_keys=f"1:{MASTER_KEY}").master_keys)  # type: ignore[arg-type]
    return server.with_store(lambda store: JournalReader(store).verify(public_keys(key_ring)))


def user_of(server: AuthorizationServer, subject: str) -> User | None:
    async def find(store: Store) -> User | None:
        return await UserRepository(store, Passwords(), system_clock).by_subject(subject)

    return server.with_store(find)


def test_a_deleted_account_leaves_events_without_a_name_in_chains_that_verify(
    server: AuthorizationServer,
) -> None:
    person, client = server.add_user(nobodys("leaver"), PASSWORD), server.register()
    subject = server.subject_of(person.username)
    client.connect(person)
    events = verified(server).events
    done = person.submit(person.open(f"{server.origin}/delete-account"), {"password": PASSWORD})
    person.close()
    server.register()  # its event is stored after those that wait
    left = events_of(server, subject=subject)
    assert "Account deleted" in done.text
    assert user_of(server, subject) is None
    assert kinds(left)[:2] == ["login", "consent"]
    assert {"account", "grant.revoked"} <= set(kinds(left))
    assert person.username not in json.dumps(events_of(server))
    report = verified(server)
    assert report.problems == ()
    assert report.events > events

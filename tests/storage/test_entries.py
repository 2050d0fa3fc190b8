"""Everything in a store, read and written in bulk, on every backend (OP-4)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from auth_service.storage import keys
from shared.storage import Store, open_store
from shared.storage.entries import (
    READ_AT_ONCE,
    WRITTEN_AT_ONCE_BYTES,
    Entry,
    StoredDocument,
    StoredLogEntries,
    StoredMembers,
    in_batches,
)
from shared.storage.interface import START, Position

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-4")]

DAY_MS = 86_400_000
MANY = 2 * READ_AT_ONCE + 1
INDEX = "doorward:users"


def soon_ms(after_ms: int) -> int:
    return int(time.time() * 1000) + after_ms


async def everything(store: Store) -> dict[str, StoredDocument | dict[str, int | None]]:
    """All entries by key; the members of an index together."""
    read: dict[str, StoredDocument | dict[str, int | None]] = {}
    async for batch in store.entries().read():
        for entry in batch:
            if isinstance(entry, StoredDocument):
                read[entry.key] = entry
            elif isinstance(entry, StoredMembers):
                members = read.setdefault(entry.index, {})
                assert isinstance(members, dict)
                members.update(entry.members)
    return read


def same(one: int | None, other: int | None) -> bool:
    """Whether two expiries are the same, but for the clocks and roundings of the backends."""
    return one == other if one is None or other is None else abs(one - other) < 1_000


@pytest.fixture
async def elsewhere(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Store]:
    store = open_store(f"sqlite:///{tmp_path}/elsewhere.db")
    yield store
    await store.aclose()


async def test_entries_come_back_as_they_were_written_with_their_expiry(store: Store) -> None:
    forever = StoredDocument("doorward:user:ada", bytes(range(256)), None)
    limited = StoredDocument("doorward:grant:1", b"", soon_ms(DAY_MS))
    await store.entries().write(
        [forever, limited, StoredMembers(INDEX, (("ada", None), ("bob", limited.expires_at_ms)))]
    )
    read = await everything(store)
    assert read["doorward:user:ada"] == forever
    entry = read["doorward:grant:1"]
    assert isinstance(entry, StoredDocument)
    assert same(entry.expires_at_ms, limited.expires_at_ms)
    members = read[INDEX]
    assert isinstance(members, dict)
    assert members["ada"] is None
    assert same(members["bob"], limited.expires_at_ms)
    assert await store.get("doorward:user:ada") == forever.value
    assert await store.index_list(INDEX) == ["ada", "bob"]


async def test_everything_moves_from_and_to_every_backend(store: Store, elsewhere: Store) -> None:
    for number in range(MANY):
        await store.index_add(INDEX, f"user{number}", ttl_s=None if number % 2 else 600)
    for number in range(MANY):
        await store.create(f"doorward:grant:{number}", b"%d" % number, ttl_s=None if number % 2 else 600)
    await store.count("doorward:count:login:all", ttl_s=600, limit=9, by=4)
    before = await everything(store)
    assert len(before) == MANY + 2

    async for batch in store.entries().read():
        await elsewhere.entries().write(batch)
    await store.entries().clear()
    assert await store.entries().is_empty()
    async for batch in elsewhere.entries().read():
        await store.entries().write(batch)

    after = await everything(store)
    assert after.keys() == before.keys()
    for key, entry in before.items():
        moved = after[key]
        if isinstance(entry, dict) and isinstance(moved, dict):
            assert moved.keys() == entry.keys()
            assert all(same(moved[member], entry[member]) for member in entry)
        else:
            assert isinstance(entry, StoredDocument)
            assert isinstance(moved, StoredDocument)
            assert moved.value == entry.value
            assert same(moved.expires_at_ms, entry.expires_at_ms)
    # The counter goes on, and the old value can still be replaced.
    assert (await store.count("doorward:count:login:all", ttl_s=600, limit=9)).value == 5
    assert await store.replace("doorward:grant:1", b"1", b"changed", ttl_s=60)


async def test_what_has_expired_is_neither_read_nor_kept(store: Store) -> None:
    past = soon_ms(-1_000)
    await store.entries().write(
        [StoredDocument("doorward:grant:1", b"", past), StoredMembers(INDEX, (("ada", past),))]
    )
    assert await store.entries().is_empty()
    assert await everything(store) == {}


async def test_writing_replaces_documents_and_adds_members(store: Store) -> None:
    await store.create("doorward:grant:1", b"old", ttl_s=600)
    await store.index_add(INDEX, "ada", ttl_s=600)
    await store.entries().write(
        [StoredDocument("doorward:grant:1", b"new", None), StoredMembers(INDEX, (("bob", None),))]
    )
    read = await everything(store)
    assert read["doorward:grant:1"] == StoredDocument("doorward:grant:1", b"new", None)
    assert await store.index_list(INDEX) == ["ada", "bob"]


def test_batches_are_bounded_in_number_and_in_bytes() -> None:
    small: list[Entry] = [StoredDocument(f"key{number}", b"", None) for number in range(MANY)]
    assert [len(batch) for batch in in_batches(small)] == [READ_AT_ONCE, READ_AT_ONCE, 1]
    large: Sequence[Entry] = [StoredDocument(f"key{number}", bytes(2**20), None) for number in range(6)]
    assert [len(batch) for batch in in_batches(large)] == [2, 2, 2]
    assert WRITTEN_AT_ONCE_BYTES == 2 * 2**20


async def test_logs_are_read_in_order_and_written_once(store: Store, elsewhere: Store) -> None:
    log = "doorward:journal:a"
    entries = tuple((Position(5, number), bytes([number])) for number in range(1, 250))
    for position, value in entries:
        assert await store.log_append(log, position, value)
    assert not await store.entries().is_empty()
    for _ in range(2):
        async for batch in store.entries().read():
            await elsewhere.entries().write(batch)
    assert tuple(await elsewhere.log_read(log, after=START, limit=999)) == entries
    await store.entries().clear()
    assert await store.entries().is_empty()
    await store.entries().write([StoredLogEntries(log, entries)])
    assert await store.log_last(log) == entries[-1]


async def test_what_is_written_while_logs_are_read_is_in_none_of_them(store: Store) -> None:
    logs = [keys.journal(name) for name in ("a", "b", "c")]
    for log in logs:
        await store.log_append(log, Position(1, 1), b"before")
    read: list[bytes] = []
    async for batch in store.entries().read():
        for entry in batch:
            if isinstance(entry, StoredLogEntries):
                read += [value for _, value in entry.entries]
                assert set(read) == {b"before"}
                for log in logs:  # as processes do whose checkpoints name the entries of each other
                    await store.log_append(log, Position(2, len(read)), b"meanwhile")
    assert read == [b"before"] * 3

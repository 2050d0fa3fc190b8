"""A flood leaves the journal within the memory of the store, and the events of people in it."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest

from auth_service.crypto.keyring import KeyRing
from auth_service.journal.checkpoints import Checkpoints
from auth_service.journal.keys import public_keys, signing_key
from auth_service.journal.limits import EVENT_BYTES, PART_OF_MEMORY, SHARES, JournalLimit, StrangersShare
from auth_service.journal.reader import JournalReader
from auth_service.journal.retention import GROWTH_PARTS, Retention
from auth_service.journal.writer import JournalWriter
from auth_service.settings import MasterKey
from shared.clock import system_clock
from shared.journal.chain import read_entry
from shared.journal.event import EventKind
from shared.storage import Store, StoreUnavailableError, open_store
from tests.machine import require
from tests.servers import RedisServer, redis_running

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("JR-6", "BOUND-3")]

KEY_RING = KeyRing([MasterKey(key_id=1, key=base64.urlsafe_b64encode(bytes(32)).decode())])  # type: ignore[arg-type]
MAX_MEMORY = 6 * 1024**2
DAYS = 90


class Sized:
    """A store that states a size for its memory."""

    def __init__(self, store: Store, memory: int | None) -> None:
        self._store = store
        self.memory = memory
        self.is_away = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def memory_limit(self) -> int | None:
        if self.is_away:
            raise StoreUnavailableError
        return self.memory


async def events(store: Store, writer: JournalWriter) -> list[dict[str, Any]]:
    written = JournalReader(store).written(writer.writer)
    return [read_entry(entry) async for _, entries in written for entry in entries]


async def size_of(reader: JournalReader, writer: str) -> int:
    return sum([sum(len(entry) + 1 for entry in entries) async for _, entries in reader.written(writer)])


def most_memory(redis: RedisServer) -> int:
    """The most memory that Redis has used, its responses included."""
    info = redis.command("INFO", "memory")
    assert isinstance(info, dict)
    return int(info["used_memory_peak"])


async def test_the_limit_is_a_third_of_the_store_s_memory_or_less(store: Store) -> None:
    sized = Sized(store, 900)
    limit = JournalLimit(sized, 500)
    assert await limit.read() == 300
    sized.is_away = True
    assert await limit.read() == 300
    sized.is_away, sized.memory = False, 9_000
    assert await limit.read() == 500
    sized.memory = None
    assert await limit.read() == 500


async def test_events_of_strangers_beyond_their_share_are_counted_and_people_s_are_stored(
    store: Store,
) -> None:
    size = int(3 * EVENT_BYTES * DAYS / SHARES[EventKind.CLIENT_REGISTERED])  # three registrations a day
    share = StrangersShare(store, JournalLimit(store, size), DAYS)
    first, second = (JournalWriter(store, signing_key(KEY_RING), system_clock, share=share) for _ in range(2))
    for writer in (first, second):
        for number in range(5):
            await writer.record(EventKind.CLIENT_REGISTERED, client=f"c{number}")
            writer.note(EventKind.TOKENS_REFUSED, client=f"c{number}")
            await writer.record(EventKind.LOGIN, subject=f"s{number}")
    for writer in (first, second):
        assert writer.needs_checkpoint
        await writer.checkpoint()
    kinds = [event["kind"] for writer in (first, second) for event in await events(store, writer)]
    counts = {kind: kinds.count(kind) for kind in kinds}
    assert (counts["client.registered"], counts["tokens.refused"], counts["login"]) == (3, 1, 10)
    gaps = [
        event
        for writer in (first, second)
        for event in await events(store, writer)
        if event["kind"] == EventKind.GAP
    ]
    assert sum(gap["events"] for gap in gaps) == (10 - 3) + (10 - 1)
    assert {gap["reason"] for gap in gaps} == {"share"}
    assert len(gaps) == 2  # a report takes room, too
    assert first.omissions.beyond_share + second.omissions.beyond_share == 16
    assert first.omissions.missing == 0
    assert (await JournalReader(store).verify(public_keys(KEY_RING))).problems == ()


class Ticking:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


async def test_the_journal_has_the_size_of_its_limit_at_all_times_of_a_minute(store: Store) -> None:
    clock, reader, limit = Ticking(), JournalReader(store), JournalLimit(store, 30_000)
    journal, other = (JournalWriter(store, signing_key(KEY_RING), clock) for _ in range(2))
    retention = Retention(store, reader, journal, clock, keep_s=DAYS * 86_400, limit=limit)
    await other.record(EventKind.LOGIN, subject="s2")
    sizes = []
    for second in range(0, 150, 3):
        await journal.record(EventKind.LOGIN, subject="s1", text="x" * 900)
        await journal.checkpoint()
        clock.now += 3
        await retention.apply()
        sizes.append(await size_of(reader, journal.writer) if second > 80 else limit.bytes)
    record_of_the_removal = 800  # which is an event, and a checkpoint
    assert max(sizes) <= limit.bytes + record_of_the_removal
    assert min(sizes) > limit.bytes * 8 // 10
    assert await events(store, other)  # one process cannot remove what another has not signed
    assert (await reader.verify(public_keys(KEY_RING))).problems == ()


async def test_a_chain_that_has_ended_stays_if_a_part_of_it_is_within_the_limit(store: Store) -> None:
    clock, reader = Ticking(), JournalReader(store)
    ended, journal = (JournalWriter(store, signing_key(KEY_RING), clock) for _ in range(2))
    for number in range(10):
        await ended.record(EventKind.LOGIN, subject=f"s{number}")
        clock.now += 1
    clock.now += 3 * 86_400
    limit = JournalLimit(store, 1_000)
    assert await Retention(store, reader, journal, clock, keep_s=DAYS * 86_400, limit=limit).apply() == 0
    assert len(await events(store, ended)) == 1 + 10
    clock.now += DAYS * 86_400
    await Retention(store, reader, journal, clock, keep_s=DAYS * 86_400, limit=limit).apply()
    assert await events(store, ended) == []


async def test_a_flood_leaves_a_small_redis_room(tmp_path: Path) -> None:
    require("redis-server")
    in_memory = ("--save", "", "--maxmemory", str(MAX_MEMORY), "--maxmemory-policy", "noeviction")
    with redis_running(tmp_path / "redis", *in_memory) as redis:
        store, clock = open_store(redis.url), Ticking()
        journal = JournalWriter(store, signing_key(KEY_RING), clock)
        reader, limit = JournalReader(store), JournalLimit(store, 2**32)
        retention = Retention(store, reader, journal, clock, keep_s=DAYS * 86_400, limit=limit)
        most = 0
        async with Checkpoints(journal, reader).run(), retention.run():
            await journal.record(EventKind.LOGIN, subject="s1")
            for _ in range(24):  # 6 MB in two minutes
                for number in range(499):
                    journal.note(EventKind.ACCOUNT, subject=f"s{number}", text="x" * 400)
                await journal.record(EventKind.LOGIN, subject="s1")
                while journal.growth.due.is_set():  # noqa: ASYNC110 -- no process serves requests faster
                    await asyncio.sleep(0.01)
                most = max(most, await size_of(reader, journal.writer))
                clock.now += 5
        assert limit.bytes == MAX_MEMORY // PART_OF_MEMORY
        assert most < limit.bytes + limit.bytes // GROWTH_PARTS
        assert most_memory(redis) < MAX_MEMORY * 9 // 10
        assert journal.omissions.missing == 0
        assert journal.omissions.removed_early > 3_000
        early = [event["early"] for event in await events(store, journal) if "early" in event]
        assert early
        assert (await reader.verify(public_keys(KEY_RING))).problems == ()
        await store.aclose()

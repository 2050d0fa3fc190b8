"""The chains of resource servers in the journal: verified through the heads that other chains name."""

from __future__ import annotations

import pytest

from auth_service.crypto.keyring import KeyRing
from auth_service.journal.checkpoints import Checkpoints
from auth_service.journal.keys import public_keys, signing_key
from auth_service.journal.limits import JournalLimit
from auth_service.journal.reader import JournalReader, JournalReport
from auth_service.journal.received import ChainConflictError, ReceivedChains
from auth_service.journal.retention import Retention
from auth_service.journal.writer import JournalWriter
from auth_service.settings import MasterKey
from auth_service.storage import keys
from shared.journal.chain import Chain, Head, read_head
from shared.journal.delivery import Delivery
from shared.journal.event import Event, EventKind
from shared.journal.verification import Finding
from shared.storage.interface import START, Position, Store

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("JR-3")]

KEY_RING = KeyRing([MasterKey(key_id=1, key="A" * 43 + "=")])  # type: ignore[arg-type]
CHAIN = "resource.a-process-of-22-letters.0"
DAY_S = 86_400


class Installation:
    """An authorization server and a process of a resource server."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = 1_000_000.0
        self.reader = JournalReader(store)
        self.writer = JournalWriter(store, signing_key(KEY_RING), lambda: self.now)
        self.checkpoints = Checkpoints(self.writer, self.reader)
        self.received = ReceivedChains(store, self.writer, lambda: self.now)
        self.chain = Chain(CHAIN)

    async def deliver(self, *kinds: EventKind, heads: tuple[Head, ...] = ()) -> None:
        for kind in kinds:
            self.now += 1
            named = [head.to_json() for head in heads] if kind == EventKind.WITNESS else None
            members = {"method": "tools/call", "heads": named}
            line = self.chain.append(Event(kind=kind, time_ms=int(self.now * 1000), members=members))
            await self.received.add(Delivery(CHAIN, (line,)))

    async def verify(self) -> JournalReport:
        return await self.reader.verify(public_keys(KEY_RING))

    async def replace(self, change: dict[int, bytes | None]) -> None:
        """Change entries in the store, as somebody could who has access to it."""
        log = keys.journal(CHAIN)
        entries = await self.store.log_read(log, after=START, limit=1_000)
        await self.store.log_trim(log, before=Position(entries[-1][0].time_ms + 1, 0))
        for number, (position, lines) in enumerate(entries, 1):
            new = change.get(number, lines)
            if new is not None:
                await self.store.log_append(log, position, new)


@pytest.fixture
def here(store: Store) -> Installation:
    return Installation(store)


BEGUN = EventKind.CALL_BEGUN


async def test_checkpoints_name_the_head_of_a_chain_even_if_nothing_else_happens(here: Installation) -> None:
    await here.deliver(BEGUN, BEGUN, BEGUN)
    assert (await here.verify()).unsigned == 3
    await here.checkpoints.sign()
    report = await here.verify()
    assert (report.problems, report.unsigned, report.chains) == ((), 0, 2)
    assert not here.writer.needs_checkpoint
    await here.deliver(BEGUN)
    assert here.writer.needs_checkpoint


@pytest.mark.parametrize(("number", "edited_at", "removed_at"), [(1, 2, 2), (3, 4, 3), (5, 5, 5)])
async def test_an_edited_or_removed_entry_or_a_cut_off_end_is_found(
    here: Installation, number: int, edited_at: int, removed_at: int
) -> None:
    await here.deliver(*[BEGUN] * 5)
    await here.checkpoints.sign()
    original = (await here.store.log_read(keys.journal(CHAIN), after=START, limit=9))[number - 1][1]
    await here.replace({number: original.replace(b"tools/call", b"tools/list")})
    [edited] = (await here.verify()).problems
    assert (edited.writer, edited.sequence) == (CHAIN, edited_at)
    await here.replace({number: None})
    [removed] = (await here.verify()).problems
    assert (removed.writer, removed.sequence) == (CHAIN, removed_at)


async def test_a_rollback_of_the_whole_store_is_found_by_the_heads_that_the_resource_server_kept(
    here: Installation,
) -> None:
    await here.writer.record(EventKind.LOGIN, subject="s")
    await here.checkpoints.sign()
    kept = here.writer.stored_head
    assert kept is not None
    assert kept == await here.reader.head(here.writer.writer)
    await here.store.log_trim(keys.journal(kept.writer), before=Position(2**50, 0))
    await here.store.index_remove(keys.journal_chains(), kept.writer)
    await here.deliver(BEGUN)
    assert (await here.verify()).problems == ()
    await here.deliver(EventKind.WITNESS, heads=(read_head(kept.to_json()),))
    [problem] = (await here.verify()).problems
    assert (problem.writer, problem.finding) == (kept.writer, Finding.MISSING)


async def test_retention_shortens_a_chain_and_a_longer_removal_is_found(here: Installation) -> None:
    retention = Retention(
        here.store,
        here.reader,
        here.writer,
        lambda: here.now,
        keep_s=10 * DAY_S,
        limit=JournalLimit(here.store, 2**40),
    )
    await here.deliver(*[BEGUN] * 3)
    await here.checkpoints.sign()
    here.now += 11 * DAY_S
    await here.deliver(*[BEGUN] * 3)
    await here.checkpoints.sign()
    assert await retention.apply() == 1
    left = await here.store.log_read(keys.journal(CHAIN), after=START, limit=9)
    assert len(left) == 4
    assert (await here.verify()).problems == ()
    await here.replace({1: None})
    [problem] = (await here.verify()).problems
    assert problem.writer == CHAIN
    assert problem.finding in (Finding.TRIMMED, Finding.CUT_OFF)


async def test_a_copy_of_a_process_that_continues_its_chain_differently_is_told_so(
    here: Installation,
) -> None:
    def entry() -> bytes:
        here.now += 1
        return here.chain.append(Event(kind=BEGUN, time_ms=int(here.now * 1000)))

    first = entry()
    common = here.chain.head
    original = (first, entry(), entry())
    here.chain.head = common
    copy = (first, entry(), entry(), entry())
    assert (await here.received.add(Delivery(CHAIN, original))).head.sequence == 3
    repeated = await here.received.add(Delivery(CHAIN, original[:2]))
    assert repeated.events == (), "a repetition changes nothing"
    for count in (2, 3, 4):
        with pytest.raises(ChainConflictError):
            await here.received.add(Delivery(CHAIN, copy[:count]))


@pytest.mark.parametrize("sequence", [0, -1])
async def test_an_entry_before_the_first_one_is_malformed(here: Installation, sequence: int) -> None:
    here.chain.head = Head(CHAIN, sequence - 1, here.chain.head.digest)
    line = here.chain.append(Event(kind=BEGUN, time_ms=int(here.now * 1000)))
    with pytest.raises(ValueError, match="sequence"):
        await here.received.add(Delivery(CHAIN, (line,)))


@pytest.mark.parametrize(
    "member",
    [b'"x":NaN', b'"x":"\\ud800"', b'"x": 1', b'"kind":"call.refused"'],
    ids=["NaN", "lone surrogate", "space", "twice"],
)
async def test_an_entry_that_readers_may_understand_differently_is_malformed(
    here: Installation, member: bytes
) -> None:
    line = here.chain.append(Event(kind=BEGUN, time_ms=int(here.now * 1000)))
    with pytest.raises(ValueError, match="canonical"):
        await here.received.add(Delivery(CHAIN, (line[:-1] + b"," + member + b"}",)))

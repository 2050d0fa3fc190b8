"""Events are stored once, in order, in chains that can be verified. On both stores."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from auth_service.crypto.keyring import KeyRing
from auth_service.journal.checkpoints import Checkpoints
from auth_service.journal.keys import public_keys, signing_key
from auth_service.journal.limits import JournalLimit
from auth_service.journal.reader import JournalReader, JournalReport
from auth_service.journal.retention import Retention, newest_beyond
from auth_service.journal.writer import MAX_BATCH, MAX_UNSIGNED, JournalWriter
from auth_service.settings import MasterKey
from auth_service.storage import keys
from shared.journal.event import EventKind
from shared.journal.verification import Finding
from shared.storage import Store, StoreUnavailableError
from shared.storage.interface import Position, StoreFullError

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("JR-2", "JR-3")]

DAY_S = 86_400
KEEP_S = 90 * DAY_S


def master_key(key_id: int) -> MasterKey:
    secret = base64.urlsafe_b64encode(bytes([key_id] * 32)).decode()
    return MasterKey(key_id=key_id, key=secret)  # type: ignore[arg-type]


KEY_RING = KeyRing([master_key(1)])


class Failing:
    """A real store whose appends fail, before they happen or after."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.before = self.after = self.full = 0
        self.appends = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def log_append(self, log: str, position: Position, entry: bytes) -> bool:
        self.appends += 1
        if self.before:
            self.before -= 1
            raise StoreUnavailableError("not written")
        if self.full:
            self.full -= 1
            raise StoreFullError("no room")
        written = await self._store.log_append(log, position, entry)
        if self.after:
            self.after -= 1
            raise StoreUnavailableError("written, but the answer was lost")
        return written


class Journals:
    """Processes that write to one store, at a time that the test determines."""

    def __init__(self, store: Store) -> None:
        self.store = Failing(store)
        self.now = 1_800_000_000.0
        self.reader = JournalReader(self.store)

    def process(self) -> JournalWriter:
        return JournalWriter(self.store, signing_key(KEY_RING), lambda: self.now)

    async def sign(self, writer: JournalWriter) -> None:
        await Checkpoints(writer, self.reader).sign()

    def retention(self, writer: JournalWriter, *, keep_bytes: int = 2**40) -> Retention:
        return Retention(
            self.store,
            self.reader,
            writer,
            lambda: self.now,
            keep_s=KEEP_S,
            limit=JournalLimit(self.store, keep_bytes),
        )

    async def verify(self, key_ring: KeyRing = KEY_RING) -> JournalReport:
        return await self.reader.verify(public_keys(key_ring))

    async def events(self, writer: JournalWriter) -> list[dict[str, Any]]:
        entries = [entry async for _, lines in self.reader.written(writer.writer) for entry in lines]
        return [json.loads(entry) for entry in entries]


@pytest.fixture
def journals(store: Store) -> Journals:
    return Journals(store)


async def test_an_event_is_stored_when_its_recording_returns(journals: Journals) -> None:
    process = journals.process()
    await process.record(EventKind.LOGIN, subject="s1", method="password", browser=None)
    opened, login = await journals.events(process)
    assert (opened["kind"], opened["sequence"]) == ("journal.opened", 1)
    assert {**login, "previous": ""} == {
        "kind": "login",
        "sequence": 2,
        "time_ms": 1_800_000_000_000,
        "subject": "s1",
        "method": "password",
        "previous": "",
    }
    assert (await journals.verify()).problems == ()


async def test_events_that_wait_together_share_writes_and_stay_in_order(journals: Journals) -> None:
    process = journals.process()
    count = MAX_BATCH + 100
    await asyncio.gather(*(process.record(EventKind.LOGIN, number=number) for number in range(count)))
    assert journals.store.appends == 2
    numbers = [event["number"] for event in await journals.events(process) if "number" in event]
    assert numbers == list(range(count))


async def test_an_event_is_in_the_journal_once_though_the_answer_of_the_store_was_lost(
    journals: Journals,
) -> None:
    process = journals.process()
    journals.store.after = 1
    with pytest.raises(StoreUnavailableError):
        await process.record(EventKind.LOGIN, subject="s1")
    await process.record(EventKind.LOGIN, subject="s2")
    events = await journals.events(process)
    assert [event.get("subject") for event in events] == [None, "s1", "s2"]
    assert (await journals.verify()).problems == ()


async def test_a_write_that_failed_leaves_no_gap(journals: Journals) -> None:
    process = journals.process()
    await process.record(EventKind.LOGIN, subject="s1")
    journals.store.before = 2
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            await process.record(EventKind.LOGIN, subject="s2")
    await process.record(EventKind.LOGIN, subject="s3")
    subjects = [event.get("subject") for event in await journals.events(process)]
    assert subjects == [None, "s1", "s2", "s3"]
    assert (await journals.verify()).problems == ()


async def test_a_caller_that_gives_up_does_not_stop_the_others(journals: Journals) -> None:
    process = journals.process()
    first = asyncio.create_task(process.record(EventKind.LOGIN, subject="s1"))
    second = asyncio.create_task(process.record(EventKind.LOGIN, subject="s2"))
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert [event.get("subject") for event in await journals.events(process)] == [None, "s1", "s2"]


async def test_checkpoints_sign_what_was_written_and_name_the_other_chains(journals: Journals) -> None:
    first, second = journals.process(), journals.process()
    await first.record(EventKind.LOGIN, subject="s1")
    await second.record(EventKind.LOGIN, subject="s2")
    assert (await journals.verify()).unsigned == 4
    await journals.sign(first)
    await journals.sign(second)
    report = await journals.verify()
    assert (report.chains, report.events, report.unsigned, report.problems) == (2, 6, 0, ())
    (checkpoint,) = [event for event in await journals.events(second) if "signature" in event]
    assert [head[:2] for head in checkpoint["heads"]] == [[first.writer, 3]]


async def test_a_tail_that_another_process_has_seen_cannot_be_removed(
    journals: Journals, store: Store
) -> None:
    first, second = journals.process(), journals.process()
    await first.record(EventKind.LOGIN, subject="s1")
    await second.record(EventKind.LOGIN, subject="s2")
    await journals.sign(second)
    await store.log_trim(keys.journal(first.writer), before=Position(2**60, 0))
    await store.log_append(keys.journal(first.writer), Position(1, 1), b"{}")
    (problem,) = (await journals.verify()).problems
    assert (problem.writer, problem.finding) == (first.writer, Finding.UNREADABLE)
    await store.index_remove(keys.journal_chains(), first.writer)
    (problem,) = (await journals.verify()).problems
    assert (problem.writer, problem.sequence, problem.finding) == (first.writer, 2, Finding.MISSING)


async def test_nothing_new_needs_no_checkpoint_until_a_day_has_passed(journals: Journals) -> None:
    process = journals.process()
    await journals.sign(process)
    assert await journals.events(process) == []
    await process.record(EventKind.LOGIN, subject="s1")
    for _ in range(2):
        await journals.sign(process)
    assert len(await journals.events(process)) == 3
    journals.now += DAY_S
    await journals.sign(process)
    assert len(await journals.events(process)) == 4


async def test_a_checkpoint_is_due_after_many_events(journals: Journals) -> None:
    process = journals.process()
    await asyncio.gather(*(process.record(EventKind.LOGIN) for _ in range(MAX_UNSIGNED - 2)))
    assert not process.checkpoint_due.is_set()
    await process.record(EventKind.LOGIN)
    assert process.checkpoint_due.is_set()
    await journals.sign(process)
    assert not process.checkpoint_due.is_set()


async def test_checkpoints_of_an_earlier_master_key_stay_valid(journals: Journals) -> None:
    process = journals.process()
    await process.record(EventKind.LOGIN, subject="s1")
    await journals.sign(process)
    assert (await journals.verify(KeyRing([master_key(2), master_key(1)]))).problems == ()
    (problem,) = (await journals.verify(KeyRing([master_key(2)]))).problems
    assert problem.finding is Finding.NOT_SIGNED


@pytest.mark.requirement("JR-6")
@pytest.mark.parametrize(
    ("limit", "beyond"),
    [(60, None), (59, (1, 9)), (50, (1, 0)), (49, (2, 19)), (30, (2, 0)), (29, (7, 29)), (0, (7, 0))],
)
def test_the_newest_intervals_within_the_limit_stay(limit: int, beyond: tuple[int, int] | None) -> None:
    assert newest_beyond({1: 10, 2: 20, 7: 30}, limit) == beyond


class TestRetention:
    pytestmark = pytest.mark.requirement("JR-6")

    async def test_the_oldest_events_beyond_the_limit_go_and_no_chain_of_a_running_process(
        self, journals: Journals
    ) -> None:
        process, quiet = journals.process(), journals.process()
        await quiet.record(EventKind.LOGIN, subject="s0")
        for subject in ("s1", "s2", "s3"):
            await process.record(EventKind.LOGIN, subject=subject)
            await journals.sign(process)
            journals.now += 3_600
        assert await journals.retention(process).apply() == 0
        assert await journals.retention(process, keep_bytes=1_500).apply() == 1
        subjects = [event.get("subject") for event in await journals.events(process)]
        assert "s1" not in subjects
        assert "s3" in subjects
        assert await journals.events(quiet)
        assert (await journals.verify()).problems == ()

    async def test_old_events_go_up_to_a_checkpoint_and_the_rest_verifies(self, journals: Journals) -> None:
        process = journals.process()
        await process.record(EventKind.LOGIN, subject="s1")
        await journals.sign(process)
        await process.record(EventKind.LOGIN, subject="s2")
        journals.now += KEEP_S + 1
        await process.record(EventKind.LOGIN, subject="s3")
        await journals.sign(process)
        assert await journals.retention(process).apply() == 1
        kinds = [event["kind"] for event in await journals.events(process)]
        assert kinds == [
            *("journal.checkpoint", "login", "login", "journal.checkpoint"),
            *("journal.trimmed", "journal.checkpoint"),
        ]
        assert (await journals.verify()).problems == ()
        assert await journals.retention(process).apply() == 0

    async def test_the_chain_of_a_process_that_has_ended_goes_as_a_whole(self, journals: Journals) -> None:
        ended, process = journals.process(), journals.process()
        await ended.record(EventKind.LOGIN, subject="s1")
        await process.record(EventKind.LOGIN, subject="s2")
        await journals.sign(process)
        journals.now += KEEP_S + 1
        await process.record(EventKind.LOGIN, subject="s3")
        await journals.retention(process).apply()
        assert await journals.reader.writers() == [process.writer]
        assert (await journals.verify()).problems == ()

    async def test_a_removal_without_its_record_is_found(self, journals: Journals, store: Store) -> None:
        process = journals.process()
        await process.record(EventKind.LOGIN, subject="s1")
        await journals.sign(process)
        await store.log_trim(keys.journal(process.writer), before=Position(1_800_000_000_000, 3))
        (problem,) = (await journals.verify()).problems
        assert problem.finding is Finding.TRIMMED

    async def test_nothing_is_removed_before_the_record_is_stored(self, journals: Journals) -> None:
        process = journals.process()
        await process.record(EventKind.LOGIN, subject="s1")
        await journals.sign(process)
        journals.now += KEEP_S + 1
        await process.record(EventKind.LOGIN, subject="s2")
        before = await journals.events(process)
        journals.store.before = 1
        with pytest.raises(StoreUnavailableError):
            await journals.retention(process).apply()
        assert (await journals.events(process))[: len(before)] == before


async def test_a_verification_while_processes_write_finds_no_problem(journals: Journals) -> None:
    first, second = sorted((journals.process(), journals.process()), key=lambda each: each.writer)
    await first.record(EventKind.LOGIN)
    await second.record(EventKind.LOGIN)
    read = journals.store.log_read

    async def log_read(log: str, *, after: Position, limit: int) -> Any:
        """Let both processes, and a new one, write before the chain of the second is read."""
        if log == keys.journal(second.writer):
            await first.record(EventKind.LOGIN)
            new = journals.process()
            await new.record(EventKind.LOGIN)
            await journals.sign(second)
        return await read(log, after=after, limit=limit)

    journals.store.log_read = log_read  # type: ignore[attr-defined]
    assert (await journals.verify()).problems == ()


async def test_a_verification_while_old_events_are_removed_finds_no_problem(journals: Journals) -> None:
    first, second = sorted((journals.process(), journals.process()), key=lambda each: each.writer)
    for _ in range(3):
        await first.record(EventKind.LOGIN)
        await journals.sign(first)
        await journals.sign(second)
        journals.now += 60
    journals.now += KEEP_S
    await first.record(EventKind.LOGIN)
    read, removes = journals.store.log_read, True

    async def log_read(log: str, *, after: Position, limit: int) -> Any:
        """Return few entries at once, and let them be removed meanwhile."""
        nonlocal removes
        if removes and log == keys.journal(first.writer) and after > Position(0, 0):
            removes = False
            await journals.retention(second).apply()
        return await read(log, after=after, limit=2)

    journals.store.log_read = log_read  # type: ignore[attr-defined]
    assert (await journals.verify()).problems == ()
    assert not removes


@pytest.mark.parametrize("name", ["\ud800", object()])
async def test_an_event_without_a_form_in_json_stops_no_other(journals: Journals, name: object) -> None:
    process = journals.process()
    process.note(EventKind.ADMINISTRATION, name=name)
    outcomes = await asyncio.gather(
        process.record(EventKind.LOGIN, subject="s1"),
        process.record(EventKind.LOGIN, subject=name),
        process.checkpoint(),
        return_exceptions=True,
    )
    assert [isinstance(outcome, Exception) for outcome in outcomes] == [False, True, False]
    with pytest.raises((TypeError, ValueError)):
        await process.record(EventKind.LOGIN, subject=name)
    kinds = [event["kind"] for event in await journals.events(process)]
    assert kinds == ["journal.opened", "journal.gap", "login", "journal.checkpoint"]
    report = await journals.verify()
    assert (report.problems, report.unsigned) == ((), 0)


async def test_revocations_and_narrowings_are_recorded_later_if_the_store_is_full(journals: Journals) -> None:
    process = journals.process()
    await process.record(EventKind.LOGIN, subject="s1")
    journals.store.full = 3
    kinds = {"g1": EventKind.GRANT_REVOKED, "g2": EventKind.GRANT_NARROWED, "g3": EventKind.GRANT_REVOKED}
    for grant, kind in kinds.items():
        with pytest.raises(StoreFullError):
            await process.record(kind, grant=grant)
    await process.record(EventKind.LOGIN, subject="s2")
    grants = [event["grant"] for event in await journals.events(process) if "grant" in event]
    assert grants == ["g1", "g2", "g3"]


async def test_a_chain_that_is_missing_in_the_index_is_listed_again(journals: Journals) -> None:
    process = journals.process()
    await process.record(EventKind.LOGIN)
    await journals.store.index_remove(keys.journal_chains(), process.writer)
    await journals.sign(process)
    assert await journals.reader.writers() == [process.writer]


async def test_the_journal_is_signed_although_another_chain_cannot_be_read(journals: Journals) -> None:
    process, broken = journals.process(), journals.process()
    await process.record(EventKind.LOGIN)
    await broken.record(EventKind.LOGIN)
    nested = b"[" * 100_000
    await journals.store.log_append(keys.journal(broken.writer), Position(2**50, 0), nested)
    await journals.sign(process)
    await journals.retention(process).apply()
    (problem,) = (await journals.verify()).problems
    assert (problem.writer, problem.finding) == (broken.writer, Finding.UNREADABLE)

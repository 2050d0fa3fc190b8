"""Calls are recorded, stored in groups, and delivered once, whatever happens in between."""

from __future__ import annotations

import asyncio
import copy
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from resource_service.errors import Refusal
from resource_service.journal.buffer_file import BufferFile
from resource_service.journal.call_journal import CallJournal, JournalLimits, pause_s
from resource_service.journal.deliveries import Deliveries
from resource_service.journal.omissions import Repetition
from resource_service.reasons import Reason
from shared.journal.chain import Head, digest_of, read_head
from shared.journal.delivery import process_of
from shared.journal.event import EventKind
from shared.journal.verification import verify, verify_chain
from tests.resource_service.journal.deliveries import SERVER_HEAD, Server, call, journal

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("JR-2")]


def files(directory: Path) -> list[bytes]:
    return [path.read_bytes() for path in directory.glob("*.calls")]


@pytest.mark.parametrize("in_file", [False, True])
async def test_calls_are_delivered_with_their_outcome(tmp_path: Path, *, in_file: bool) -> None:
    server, recording = Server(), journal(tmp_path if in_file else None)
    async with recording.run(), Deliveries(recording, server.post).run():
        [number] = await recording.begin([call()])
        numbers = await recording.begin([call("a"), call("b")])
        recording.complete(number, result="ok", status=200)
        recording.note(EventKind.CALL_REFUSED, call("delete"))
        assert len({number, *numbers}) == 3
    kinds = server.kinds()
    assert kinds == {"journal.opened": 1, "call.begun": 3, "call.completed": 1, "call.refused": 1}
    [completed] = (event for event in server.events() if event["kind"] == "call.completed")
    assert (completed["call"], completed["result"]) == (number, "ok")


async def test_a_journal_for_a_guard_records_only_while_it_runs_and_runs_again(tmp_path: Path) -> None:
    limits = JournalLimits(directory=tmp_path)
    recording = CallJournal("resource", lambda: 1.0, limits, only_in_run=True)
    records = [recording.is_recording]
    for _ in range(2):
        server = Server()
        async with recording.run(), Deliveries(recording, server.post).run():
            records.append(recording.is_recording)
            [number] = await recording.begin([call()])
            recording.complete(number, result="ok")
        records.append(recording.is_recording)
        assert server.kinds()["call.begun"] == 1
    assert records == [False, True, False, True, False]


async def test_processes_that_fork_from_one_have_chains_of_their_own() -> None:
    server, recording = Server(), journal()
    recording.note(EventKind.CALL_REFUSED, call("early"))
    forks = [copy.copy(recording) for _ in range(2)]
    for forked in forks:
        async with forked.run(), Deliveries(forked, server.post).run():
            await forked.begin([call()])
    assert len(server.chains) == 2
    assert (server.kinds()["call.refused"], server.kinds()["call.begun"]) == (2, 2)


async def test_many_calls_at_once_share_a_few_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    appended: list[int] = []
    append = BufferFile.append

    def counting(self: BufferFile, frames: Any) -> None:
        appended.append(len(frames))
        append(self, frames)

    monkeypatch.setattr(BufferFile, "append", counting)
    recording = journal(tmp_path)
    async with recording.run():
        for _ in range(5):
            await asyncio.gather(*(recording.begin([call()]) for _ in range(100)))
    assert recording.waiting == 501
    assert len(appended) <= 15


def test_a_call_alone_hardly_waits_for_a_write_and_many_share_one() -> None:
    assert pause_s(0) == 0.0
    assert pause_s(1) <= 0.002
    assert pause_s(2) < pause_s(4) <= pause_s(1_000) == 0.01


async def test_a_call_begins_only_when_the_file_has_it(tmp_path: Path) -> None:
    recording = journal(tmp_path)
    async with recording.run():
        [number] = await recording.begin([call()])
        [content] = files(tmp_path)
        assert f'"call":{number}'.encode() in content


async def test_a_call_whose_client_leaves_while_it_is_stored_has_ended(tmp_path: Path) -> None:
    server, recording = Server(), journal(tmp_path)
    async with recording.run(), Deliveries(recording, server.post).run():
        leaving = asyncio.create_task(recording.begin([call()]))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait([leaving])
        await recording.begin([call("other")])
    [completed] = (event for event in server.events() if event["kind"] == "call.completed")
    assert (completed["call"], completed["result"]) == (1, "cut off")


async def test_a_file_that_is_not_a_journal_does_not_keep_the_service_from_starting(tmp_path: Path) -> None:
    (tmp_path / "other.calls").write_bytes(b"something else")
    recording = journal(tmp_path)
    async with recording.run():
        assert await recording.begin([call()]) == [1]


async def test_the_clock_may_be_set_back_across_a_restart(tmp_path: Path) -> None:
    server = Server()
    first = CallJournal("resource", lambda: 5_000.0, JournalLimits(directory=tmp_path))
    async with first.run():
        await first.begin([call()])
    second = journal(tmp_path)
    async with second.run(), Deliveries(second, server.post).run():
        pass
    times = [event["time_ms"] for event in server.events()]
    assert times == [5_000_000] * 3


async def test_after_a_crash_the_outcome_of_open_calls_is_unknown(tmp_path: Path) -> None:
    server, running, crashed = Server(), journal(tmp_path / "running"), tmp_path / "crashed"
    async with running.run():
        numbers = await running.begin([call("a"), call("b"), call("c")])
        running.complete(numbers[1], result="ok")
        await Deliveries(running, server.post).flush()
        await running.begin([call("d")])
        # What a process finds after a crash, which released the locks of the files.
        shutil.copytree(tmp_path / "running", crashed)
    recovered = journal(crashed)
    async with recovered.run(), Deliveries(recovered, server.post).run():
        await recovered.begin([call("e")])
    events = server.events()
    assert server.kinds() | {"journal.opened": 0, "journal.witness": 0} == {
        "journal.opened": 0,
        "journal.witness": 0,
        "call.begun": 5,
        "call.completed": 1,
        "call.unknown": 3,
    }
    unknown = [event for event in events if event["kind"] == "call.unknown"]
    assert {event["call"] for event in unknown} == {numbers[0], numbers[2], 4}
    assert len({event["process"] for event in unknown}) == 1
    [content] = files(crashed)
    assert b"call.begun" not in content, "only heads are left"


async def test_a_lost_answer_and_an_outage_lose_and_repeat_nothing() -> None:
    server, recording = Server(), journal()
    deliveries = Deliveries(recording, server.post)
    for answers in ([0], [503], [429], [401], [404], [0, 0], []):
        server.answers = answers
        await recording.begin([call()] * 3)
        await deliveries.flush()
    await deliveries.flush()
    assert server.kinds()["call.begun"] == 21
    assert recording.waiting == 0


async def test_a_long_outage_is_delivered_in_bounded_requests() -> None:
    server, recording = Server(), journal()
    for _ in range(300):
        await recording.begin([call("n" * 200)] * 10)
    await Deliveries(recording, server.post).flush()
    assert server.kinds()["call.begun"] == 3_000
    assert server.requests > 5


async def test_a_server_that_lost_entries_gets_the_rest_in_another_chain_that_names_the_lost_ones() -> None:
    server, recording = Server(), journal()
    deliveries = Deliveries(recording, server.post)
    await recording.begin([call("a")])
    await deliveries.flush()
    [(chain, entries)] = server.chains.items()
    delivered = Head(chain, len(entries), digest_of(entries[-1]))
    server.chains.clear()
    await recording.begin([call("b")])
    await deliveries.flush()
    await deliveries.flush()
    [(other, kept)] = server.chains.items()
    assert process_of(other) == process_of(chain)
    assert [event.get("name") for event in server.events() if event["kind"] == "call.begun"] == ["b"]
    witnesses = [event for event in server.events() if event["kind"] == "journal.witness"]
    heads = [read_head(head) for witness in witnesses for head in witness["heads"]]
    assert delivered in heads
    assert SERVER_HEAD in heads
    problems = verify([verify_chain(other, kept, {})])
    assert {problem.writer for problem in problems} == {chain, SERVER_HEAD.writer}, (
        "verification finds the loss"
    )


async def test_calls_that_begin_while_a_chain_is_replaced_are_in_the_other_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, recording = Server(), journal(tmp_path)
    append, writing, go_on = BufferFile.append, threading.Event(), threading.Event()

    def held(self: BufferFile, frames: Any) -> None:
        writing.set()
        assert go_on.wait(30)
        append(self, frames)

    async with recording.run():
        await recording.begin([call("before")])
        monkeypatch.setattr(BufferFile, "append", held)
        recording.note(EventKind.CALL_REFUSED, call("written"))
        replacing = asyncio.create_task(recording.replace(recording.current, Repetition.ALL))
        await asyncio.to_thread(writing.wait, 30)
        beginning = asyncio.create_task(recording.begin([call("meanwhile")]))
        await asyncio.sleep(0)  # it is among the events of a chain, and waits
        go_on.set()
        await asyncio.gather(replacing, beginning)
        await Deliveries(recording, server.post).flush()
    names = [event.get("name") for event in server.events()]
    assert {"before", "written", "meanwhile"} <= {*names}
    assert recording.lost == 0


async def test_a_chain_that_the_server_refuses_does_not_hold_up_the_others(tmp_path: Path) -> None:
    server = Server()
    first = journal(tmp_path)
    async with first.run():
        await first.begin([call("of an earlier process")])
    second = journal(tmp_path)
    async with second.run():
        await second.begin([call("later")])
        server.answers = [403]
        await Deliveries(second, server.post).flush()
        names = [event["name"] for event in server.events() if event["kind"] == "call.begun"]
        assert names == ["later"]
        server.answers = [503]
        requests = server.requests
        await Deliveries(second, server.post).flush()
        assert server.requests == requests + 1, "a server that is away is not asked for each chain"


async def refusal_of(full: CallJournal) -> Refusal:
    """The refusal of the first call for which there is no room."""
    for _ in range(100):
        try:
            await full.begin([call()])
        except Refusal as refusal:
            return refusal
    pytest.fail("no call was refused")


async def test_a_full_journal_refuses_calls_or_drops_them_as_a_counted_gap() -> None:
    refusing = journal(max_bytes=2_000)
    refusal = await refusal_of(refusing)
    assert (refusal.status, refusal.reason) == (503, Reason.JOURNAL_UNAVAILABLE)
    server, dropping = Server(), journal(max_bytes=2_000, refuses=False)
    begun = [await dropping.begin([call()]) for _ in range(100)]
    recorded = sum(map(len, begun))
    assert 0 < recorded < 30
    assert dropping.lost == 100 - recorded
    deliveries = Deliveries(dropping, server.post)
    await deliveries.flush()
    await dropping.begin([call()])
    await deliveries.flush()
    [gap] = (event for event in server.events() if event["kind"] == "journal.gap")
    assert gap["events"] == 100 - recorded


@pytest.mark.parametrize("refuses", [True, False])
async def test_a_disk_that_fails_refuses_calls_unless_the_operator_wants_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, refuses: bool
) -> None:
    server, recording = Server(), journal(tmp_path, refuses=refuses)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async with recording.run():
        with monkeypatch.context() as patched:
            patched.setattr(BufferFile, "append", full)
            if refuses:
                with pytest.raises(Refusal):
                    await recording.begin([call("a")])
            else:
                assert await recording.begin([call("a")])
        await recording.begin([call("b")])
        await Deliveries(recording, server.post).flush()
    names = [event["name"] for event in server.events() if event["kind"] == "call.begun"]
    assert names == ["a", "b"]
    assert server.kinds()["call.completed"] == int(refuses), "a refused call has its outcome"


async def test_the_heads_of_the_server_are_named_after_a_restart(tmp_path: Path) -> None:
    server = Server()
    for _ in range(2):
        recording = journal(tmp_path)
        async with recording.run(), Deliveries(recording, server.post).run():
            await recording.begin([call()])
    [witness] = (event for event in server.events() if event["kind"] == "journal.witness")
    assert SERVER_HEAD in [read_head(head) for head in witness["heads"]]
    assert len(witness["heads"]) == 2, "and that of the chain before"

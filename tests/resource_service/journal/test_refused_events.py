"""Events that the authorization server refuses hold up no others, and are counted (OP-5, JR-2)."""

from __future__ import annotations

from pathlib import Path

import pytest

from resource_service.journal.call_journal import CallJournal
from resource_service.journal.deliveries import MAX_ISOLATED, Deliveries
from resource_service.journal.omissions import MAX_KINDS, REFUSED_MS, Omissions
from shared.journal.event import Event, EventKind
from shared.journal.verification import verify, verify_chain
from tests.resource_service.journal.deliveries import SERVER_HEAD, Server, call, journal

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("JR-2")]

HELD = EventKind.DEFINITION_HELD


def verified(server: Server) -> None:
    """Nothing is missed but the server's own chain, which is not here."""
    problems = verify([verify_chain(chain, entries, {}) for chain, entries in server.chains.items()])
    assert {problem.writer for problem in problems} <= {SERVER_HEAD.writer}


async def record(recording: CallJournal, *, calls: int) -> None:
    """Calls, with an event of a newer kind after each."""
    for number in range(calls):
        await recording.begin([call(f"call {number}")])
        recording.note(HELD, call(f"tool {number}"))


@pytest.mark.parametrize("in_file", [False, True])
async def test_a_kind_that_the_server_does_not_have_is_a_counted_gap_and_all_calls_arrive(
    tmp_path: Path, *, in_file: bool
) -> None:
    server, recording = Server(), journal(tmp_path if in_file else None)
    server.refuses = frozenset({f'"kind":"{HELD}"'})
    deliveries = Deliveries(recording, server.post)
    async with recording.run():
        await record(recording, calls=50)
        await deliveries.flush()
        chains = len(server.chains)
        await record(recording, calls=2)
        await deliveries.flush()
        assert len(server.chains) == chains, "the refused kind is not tried for a while"
        await recording.begin([call("last")])
        await deliveries.flush()
    begun = [event["name"] for event in server.events() if event["kind"] == "call.begun"]
    assert begun == [*(f"call {n}" for n in range(50)), "call 0", "call 1", "last"]
    gaps = [event for event in server.events() if event["kind"] == "journal.gap"]
    assert sum(gap["events"] for gap in gaps) == recording.lost == 52
    assert gaps[0]["event_kind"] == HELD
    assert recording.waiting == 0
    verified(server)


async def test_a_refused_kind_is_recorded_again_after_a_while() -> None:
    omissions = Omissions()
    omissions.refuse(HELD, 1_000)
    assert omissions.is_refused(HELD, 1_000 + REFUSED_MS - 1)
    assert not omissions.is_refused(HELD, 1_000 + REFUSED_MS)
    omissions.refuse(EventKind.CALL_BEGUN, 1_000)
    assert not omissions.is_refused(EventKind.CALL_BEGUN, 1_000), "every release accepts calls"
    for number in range(MAX_KINDS + 1):
        omissions.refuse(f"tool.{number}", 1_000)
    assert not omissions.is_refused(f"tool.{MAX_KINDS}", 1_000)


async def test_one_refused_call_is_a_gap_and_those_around_it_arrive() -> None:
    server, recording = Server(), journal()
    server.refuses = frozenset({"odd"})
    await recording.begin([call(name) for name in ("a", "odd", "b")])
    await recording.begin([call("c")])
    await Deliveries(recording, server.post).flush()
    assert [event["name"] for event in server.events() if event["kind"] == "call.begun"] == ["a", "b", "c"]
    [gap] = (event for event in server.events() if event["kind"] == "journal.gap")
    assert (gap["events"], gap["event_kind"], recording.lost) == (1, "call.begun", 1)
    verified(server)


async def test_a_chain_with_nothing_but_refused_events_is_given_up() -> None:
    server, recording = Server(), journal()
    server.refuses = frozenset({"odd"})
    deliveries = Deliveries(recording, server.post)
    await recording.begin([call("odd")] * 100)
    await deliveries.flush()
    assert server.requests < 20 * MAX_ISOLATED
    assert recording.lost >= 100
    await recording.begin([call("later")])
    await deliveries.flush()
    assert [event["name"] for event in server.events() if event["kind"] == "call.begun"] == ["later"]
    gaps = [event for event in server.events() if event["kind"] == "journal.gap"]
    assert sum(gap["events"] for gap in gaps) == recording.lost
    verified(server)


async def test_a_server_that_refuses_every_chain_gets_all_events_once_it_is_upgraded(tmp_path: Path) -> None:
    server, recording = Server(), journal(tmp_path)
    server.refuses = frozenset({'"kind":"journal.opened"'})
    async with recording.run():
        await record(recording, calls=3)
        for _ in range(3):
            await Deliveries(recording, server.post).flush()
        assert (server.chains, recording.lost) == ({}, 0)
    later = journal(tmp_path)
    async with later.run():
        await record(later, calls=1)
        for _ in range(2):
            await Deliveries(later, server.post).flush()
        assert (server.chains, later.lost) == ({}, 0)
        server.refuses = frozenset()
        await Deliveries(later, server.post).flush()
    kinds = server.kinds()
    assert (kinds["call.begun"], kinds[HELD], kinds["call.unknown"], kinds["journal.gap"]) == (4, 4, 3, 0)
    verified(server)


async def test_a_chain_of_another_resource_server_is_given_up(tmp_path: Path) -> None:
    server, other = Server(), journal(tmp_path)
    async with other.run():
        await other.begin([call()])
    server.refuses = frozenset({'{"chain": "resource.'})
    renamed = journal(tmp_path, server_id="renamed")
    async with renamed.run():
        for _ in range(2):
            await renamed.begin([call("later")])
            await Deliveries(renamed, server.post).flush()
    [gap] = (event for event in server.events() if event["kind"] == "journal.gap")
    assert gap["events"] == renamed.lost >= 3, "the opening of the chain, a call, and its end"


async def test_a_file_with_a_kind_of_a_later_release_is_delivered_after_the_way_back(tmp_path: Path) -> None:
    server, later = Server(), journal(tmp_path)
    async with later.run():
        later.current.buffer.append(Event(kind="tool.renamed", time_ms=1_000_500))
        await later.begin([call("a")])
    earlier = journal(tmp_path)
    async with earlier.run():
        server.answers = [400, 400]
        await Deliveries(earlier, server.post).flush()
    assert [event["kind"] for event in server.events() if event["kind"].startswith("tool.")] == [
        "tool.renamed"
    ]

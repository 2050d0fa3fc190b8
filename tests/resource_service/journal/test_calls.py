"""Calls counted in memory, and reported."""

from __future__ import annotations

import json
from typing import Any

import pytest

from resource_service.errors import cannot_ask
from resource_service.journal import calls
from resource_service.journal.calls import MAX_TOOLS, CallCounts
from resource_service.journal.reports import CallReports
from resource_service.principal import Principal
from resource_service.reasons import Reason
from shared.call_events import MAX_EVENTS, MAX_TOOL, OTHERS, Outcome, read_batch

pytestmark = pytest.mark.requirement("ID-7")

MAX_BODY_BYTES = 65_536
"""DOORWARD_MAX_BODY_BYTES of the authorization server, by default."""

NOTES = "https://mcp.example/mcp"


def principal(number: int = 0) -> Principal:
    return Principal(
        client_id="c",
        scopes=(),
        issuer="i",
        expires_at=1,
        subject="s",
        grant_id=f"grant-of-22-chars{number:05}",
    )


def record(counts: CallCounts, tool: str = "read", *, number: int = 0, times: int = 1) -> None:
    for _ in range(times):
        counts.record_call(principal(number), NOTES, tool, Outcome.ALLOWED)


@pytest.fixture
def counts() -> CallCounts:
    return CallCounts(lambda: 1_000.5)


def drained(counts: CallCounts) -> tuple[dict[tuple[str, str, str], int], int]:
    """Everything in the batches, and the gap."""
    listed: dict[tuple[str, str, str], int] = {}
    gap = 0
    while (batch := counts.take()) is not None:
        assert read_batch(batch.to_wire()) == batch
        gap += batch.gap
        for event in batch.events:
            assert (event.grant_id, event.tool, event.outcome.value) not in listed
            listed[event.grant_id, event.tool, event.outcome.value] = event.count
    return listed, gap


def test_calls_that_differ_in_nothing_are_one_event(counts: CallCounts) -> None:
    record(counts, times=3)
    record(counts, "write")
    counts.record_call(principal(), NOTES, "write", Outcome.REFUSED)
    counts.record_call(
        Principal(client_id="c", scopes=(), issuer="i", expires_at=1), NOTES, "x", Outcome.ALLOWED
    )
    grant_id = principal().grant_id
    assert drained(counts) == (
        {
            (grant_id, "read", "allowed"): 3,
            (grant_id, "write", "allowed"): 1,
            (grant_id, "write", "refused"): 1,
        },
        0,
    )
    assert counts.take() is None


def test_the_junk_of_one_grant_is_counted_together_and_takes_no_room_from_others(counts: CallCounts) -> None:
    for number in range(5_000):
        record(counts, f"junk {number}")
    record(counts, "x" * 1_000, number=1)
    record(counts, number=2)
    listed, gap = drained(counts)
    assert (listed.pop((f"{principal(1).grant_id}", OTHERS, "allowed")), gap) == (1, 0)
    assert listed.pop((f"{principal(2).grant_id}", "read", "allowed")) == 1
    assert len(listed) == MAX_TOOLS + 1
    assert sum(listed.values()) == 5_000


def test_long_tool_names_do_not_make_a_batch_larger_than_a_request_body(counts: CallCounts) -> None:
    tools = [chr(0x1F600 + number) * MAX_TOOL for number in range(MAX_TOOLS)]  # 12 bytes each in JSON
    for number in range(5):
        for tool in tools:
            record(counts, tool, number=number)
    listed: dict[tuple[str, str], int] = {}
    while (batch := counts.take()) is not None:
        assert len(json.dumps(batch.to_wire())) <= MAX_BODY_BYTES
        assert batch.gap == 0
        listed |= {(event.grant_id, event.tool): event.count for event in batch.events}
    assert len(listed) == 5 * MAX_TOOLS


def test_counters_are_bounded_and_the_rest_is_a_gap(
    counts: CallCounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "MAX_COUNTERS", 300)
    for number in range(301):
        record(counts, number=number, times=2)
    listed, gap = drained(counts)
    assert (len(listed), gap) == (300, 2)
    record(counts)
    assert drained(counts) == ({(principal().grant_id, "read", "allowed"): 1}, 0)


class Server:
    """An authorization server that answers as a test wants, and counts each batch once."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.batches: dict[str, dict[str, Any]] = {}
        self.requests = 0

    async def post(self, document: dict[str, Any]) -> int:
        self.requests += 1
        status = self.answers.pop(0) if self.answers else 200
        if status in (200, 0):
            self.batches[document["batch"]] = document
        if status == 0:
            raise cannot_ask(Reason.AUTHORIZATION_SERVER_UNREACHABLE, "the answer was lost")
        return status

    @property
    def counted(self) -> int:
        return sum(event["count"] for batch in self.batches.values() for event in batch["events"])


@pytest.mark.anyio
async def test_a_batch_without_an_answer_is_sent_again_under_its_id(counts: CallCounts) -> None:
    server = Server()
    reports = CallReports(counts, server.post)
    server.answers = [0, 503, 429, 200]
    record(counts, times=2)
    for _ in range(3):
        await reports.flush()
        record(counts)
    await reports.flush()
    assert (server.counted, len(server.batches)) == (5, 2)
    assert counts.take() is None


@pytest.mark.anyio
async def test_a_batch_that_is_refused_is_a_gap_in_the_next_one(counts: CallCounts) -> None:
    server = Server()
    reports = CallReports(counts, server.post)
    server.answers = [404, 404]
    record(counts, times=2)
    await reports.flush()
    await reports.flush()
    assert server.requests == 2, "not in a loop"
    record(counts)
    await reports.flush()
    [batch] = server.batches.values()
    assert (batch["gap"], server.counted) == (2, 1)


@pytest.mark.anyio
async def test_many_counters_are_sent_in_several_batches_and_the_rest_when_the_service_stops(
    counts: CallCounts,
) -> None:
    server = Server()
    async with CallReports(counts, server.post).run():
        for number in range(MAX_EVENTS + 1):
            record(counts, number=number)
    assert (server.counted, len(server.batches)) == (MAX_EVENTS + 1, 2)

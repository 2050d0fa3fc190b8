"""Batches of counted calls on the wire."""

from __future__ import annotations

from typing import Any

import pytest

from shared.call_events import (
    MAX_EVENTS,
    MAX_TOOL,
    OTHERS,
    CallBatch,
    CallEvent,
    Outcome,
    countable,
    read_batch,
)

pytestmark = pytest.mark.requirement("ID-7")

EVENT = CallEvent(
    time=1,
    grant_id="g" * 22,
    resource="https://mcp.example/mcp",
    tool="read_note",
    outcome=Outcome.ALLOWED,
    count=2,
)
BATCH = CallBatch(batch_id="b" * 22, events=(EVENT,), gap=3)


def changed(event: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    wire = BATCH.to_wire()
    if event is not None:
        wire["events"][0] |= event
    return wire | members


def test_a_batch_is_read_as_it_was_written_and_unknown_members_are_ignored() -> None:
    assert read_batch(BATCH.to_wire()) == BATCH
    assert read_batch(changed({"principal": "later"}, version=2)) == BATCH


BAD: list[Any] = [
    [],
    None,
    {},
    changed(batch="short"),
    changed(batch=1),
    changed(events={}),
    changed(events=[1]),
    changed(events=[{}] * (MAX_EVENTS + 1)),
    changed(gap=-1),
    changed(gap=True),
    changed({"type": "mcp.read"}),
    changed({"grant_id": "x"}),
    changed({"grant_id": "../../../../../../etc"}),
    changed({"resource": 1}),
    changed({"tool": None}),
    changed({"tool": "x" * (MAX_TOOL + 1)}),
    changed({"tool": "a\x1b[2J"}),
    changed({"outcome": "maybe"}),
    changed({"outcome": None}),
    changed({"count": 0}),
    changed({"count": 1.5}),
    changed({"count": 10**18}),
    changed({"time": "now"}),
]


@pytest.mark.parametrize("document", BAD, ids=range(len(BAD)))
def test_what_is_not_a_batch_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match=r"must|Outcome"):
        read_batch(document)


def test_a_name_that_is_too_long_or_not_printable_is_counted_with_the_others() -> None:
    assert countable("x" * MAX_TOOL) == "x" * MAX_TOOL
    assert countable("x" * (MAX_TOOL + 1)) == countable("a\nb") == OTHERS

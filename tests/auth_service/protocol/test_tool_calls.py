"""The calls of tools under one grant."""

from __future__ import annotations

import pytest

from auth_service.protocol.tool_calls import (
    DAY_S,
    DAYS,
    KEPT_S,
    MAX_BATCHES,
    MAX_TOOLS,
    DayCalls,
    GrantCalls,
    ToolCount,
    last_days,
    with_batch,
)
from shared.call_events import OTHERS, CallEvent, Outcome

pytestmark = pytest.mark.requirement("ID-7")


def calls_of(tool: str, count: int = 1, outcome: Outcome = Outcome.ALLOWED) -> CallEvent:
    return CallEvent(time=0, grant_id="g", resource="r", tool=tool, outcome=outcome, count=count)


def after(calls: GrantCalls, batch_id: str, *events: CallEvent, now: int = 0) -> GrantCalls:
    counted = with_batch(calls, batch_id, events, now=now)
    assert counted is not None
    return counted


def test_the_days_are_summed_and_the_most_called_tool_comes_first() -> None:
    calls = after(GrantCalls(), "1", calls_of("read", 2), calls_of("delete"), calls_of(OTHERS, 4))
    calls = after(calls, "2", calls_of("read"), calls_of("delete", 5, Outcome.REFUSED), now=DAY_S)
    assert last_days(calls, now=DAY_S) == DayCalls(
        day=1,
        tools=(ToolCount(tool="read", count=3), ToolCount(tool="delete", count=1)),
        others=4,
        refused=5,
    )


def test_a_batch_counts_once() -> None:
    calls = after(GrantCalls(), "1", calls_of("read"))
    assert with_batch(calls, "1", [calls_of("read")], now=0) is None
    for number in range(MAX_BATCHES + 3):
        calls = after(calls, f"later {number}", calls_of("read"))
    assert len(calls.batches) == MAX_BATCHES


def test_a_day_is_shown_for_seven_days_and_then_dropped() -> None:
    calls = after(GrantCalls(), "1", calls_of("read"))
    assert last_days(calls, now=DAYS * DAY_S - 1).tools
    assert not last_days(calls, now=DAYS * DAY_S).tools
    assert [day.day for day in after(calls, "2", calls_of("read"), now=DAYS * DAY_S).days] == [DAYS]


def test_the_least_called_of_too_many_tools_are_counted_together() -> None:
    junk = [calls_of(f"junk {number}") for number in range(500)]
    calls = after(GrantCalls(), "1", calls_of("read", 7), *junk)
    for number in range(30):
        calls = after(calls, f"more {number}", *(calls_of(f"junk {number} {n}") for n in range(200)))
    summary = last_days(calls, now=0)
    assert summary.tools[0] == ToolCount(tool="read", count=7)
    assert len(summary.tools) == len(calls.days[0].tools) == MAX_TOOLS
    assert summary.others + sum(each.count for each in summary.tools) == 7 + 500 + 30 * 200


def test_days_begin_at_midnight_and_all_that_are_older_than_a_week_are_dropped() -> None:
    assert (DAYS, KEPT_S) == (7, 8 * DAY_S)
    calls = after(GrantCalls(), "1", calls_of("read"), now=DAY_S + 5)
    assert [day.day for day in calls.days] == [1]
    assert last_days(calls, now=2 * DAY_S - 1).day == 1
    assert [day.day for day in after(calls, "2", calls_of("read"), now=20 * DAY_S).days] == [20]
    assert not last_days(calls, now=20 * DAY_S).tools


def test_tools_that_are_called_as_often_are_in_the_order_of_their_names() -> None:
    calls = after(GrantCalls(), "1", calls_of("write"), calls_of("read"))
    assert [each.tool for each in last_days(calls, now=0).tools] == ["read", "write"]

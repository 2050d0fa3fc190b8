"""How often a client called which tool under one grant, by day, in one bounded document (ID-7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.call_events import MAX_COUNT, OTHERS, CallBatch, CallEvent, Outcome, countable
from shared.journal.event import EventKind

_OUTCOMES = {EventKind.CALL_BEGUN: Outcome.ALLOWED, EventKind.CALL_REFUSED: Outcome.REFUSED}
DAY_S = 86_400
DAYS = 7
"""The days that are shown, today included."""
KEPT_S = 8 * DAY_S
MAX_TOOLS = 20
"""The tools that are counted by name on one day; the least used of more are counted together."""
MAX_BATCHES = 16
"""The batches that are recognized when they are sent again: the latest of each reporting process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCount:
    """The calls of one tool."""

    tool: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCalls:
    """The calls of one day.

    Attributes:
        day: days since 1970, in UTC.
        others: calls of tools that are not counted by name.
        refused: calls that the policy refused, of any tool.
    """

    day: int
    tools: tuple[ToolCount, ...] = ()
    others: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantCalls:
    """The calls under one grant.

    Attributes:
        days: the oldest first.
        batches: the ids of the latest batches.
    """

    days: tuple[DayCalls, ...] = ()
    batches: tuple[str, ...] = ()


def with_batch(
    calls: GrantCalls, batch_id: str, events: Iterable[CallEvent], *, now: int
) -> GrantCalls | None:
    """Add the events of a batch; return None if that was done before."""
    if batch_id in calls.batches:
        return None
    today = now // DAY_S
    days = {each.day: each for each in calls.days if today - DAYS < each.day <= today}
    days[today] = _with_events(days.get(today, DayCalls(day=today)), events)
    return GrantCalls(
        days=tuple(days[day] for day in sorted(days)), batches=(*calls.batches, batch_id)[-MAX_BATCHES:]
    )


def counted_calls(batch_id: str, events: Iterable[Mapping[str, Any]]) -> CallBatch:
    """Return the calls of tools among events of the journal, those that differ in nothing as one."""
    counts: dict[tuple[str, str, str, Outcome], int] = {}
    latest_ms = 0
    for event in events:
        names = [event.get(name) for name in ("grant", "resource", "name")]
        outcome = _OUTCOMES.get(event["kind"])
        if outcome is None or event.get("method") != "tools/call":
            continue
        match names:
            case [str(grant_id), str(resource), str(tool)]:
                key = (grant_id, resource, countable(tool), outcome)
                counts[key] = counts.get(key, 0) + 1
                latest_ms = max(latest_ms, event["time_ms"])
    counted = (
        CallEvent(
            time=latest_ms // 1000,
            grant_id=grant_id,
            resource=resource,
            tool=tool,
            outcome=outcome,
            count=count,
        )
        for (grant_id, resource, tool, outcome), count in counts.items()
    )
    return CallBatch(batch_id=batch_id, events=tuple(counted))


def last_days(calls: GrantCalls, *, now: int) -> DayCalls:
    """Return the sum of the last `DAYS` days, the most called tools first."""
    today = now // DAY_S
    recent = [each for each in calls.days if today - DAYS < each.day <= today]
    return _bounded(
        _counts(count for each in recent for count in each.tools),
        DayCalls(
            day=today,
            others=sum(each.others for each in recent),
            refused=sum(each.refused for each in recent),
        ),
    )


def _with_events(day: DayCalls, events: Iterable[CallEvent]) -> DayCalls:
    events = list(events)
    allowed = [event for event in events if event.outcome is Outcome.ALLOWED]
    named = (ToolCount(tool=event.tool, count=event.count) for event in allowed if event.tool != OTHERS)
    refused = sum(event.count for event in events if event.outcome is Outcome.REFUSED)
    others = sum(event.count for event in allowed if event.tool == OTHERS)
    summed = replace(
        day, others=min(day.others + others, MAX_COUNT), refused=min(day.refused + refused, MAX_COUNT)
    )
    return _bounded(_counts([*day.tools, *named]), summed)


def _counts(counts: Iterable[ToolCount]) -> dict[str, int]:
    summed: dict[str, int] = {}
    for each in counts:
        summed[each.tool] = min(summed.get(each.tool, 0) + each.count, MAX_COUNT)
    return summed


def _bounded(counts: dict[str, int], day: DayCalls) -> DayCalls:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    tools = tuple(ToolCount(tool=tool, count=count) for tool, count in ordered[:MAX_TOOLS])
    left = sum(count for _, count in ordered[MAX_TOOLS:])
    return replace(day, tools=tools, others=min(day.others + left, MAX_COUNT))

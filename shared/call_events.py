"""Reports of MCP calls from a resource server to the authorization server: batches of counted events.

One kind of event so far, `mcp.call`. Calls that differ in nothing are one event with a count. The client and
the subject are those of the grant, which the authorization server knows. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

EVENTS_PATH = "/events"
TYPE = "mcp.call"
MAX_EVENTS = 200
"""The maximum in one batch."""
MAX_EVENTS_BYTES = 60_000
"""The maximum of the events in one batch as JSON, so that it fits a request body of 64 KiB."""
MAX_TOOL = 128
"""The maximum length of the name of a tool, in characters."""
OTHERS = ""
"""Stands for tools that are not counted by name."""
MAX_COUNT = 1_000_000_000

_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")


class Outcome(StrEnum):
    """The decision on a call."""

    ALLOWED = "allowed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    """Calls of one tool under one grant, with the same outcome.

    Attributes:
        time: when they were reported (seconds since 1970); they happened shortly before.
        tool: its name, or `OTHERS`.
    """

    time: int
    grant_id: str
    resource: str
    tool: str
    outcome: Outcome
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBatch:
    """Events that are applied once, however often they are sent.

    Attributes:
        gap: how many calls were not counted since the last batch.
    """

    batch_id: str
    events: tuple[CallEvent, ...]
    gap: int = 0

    def to_wire(self) -> dict[str, Any]:
        """Return the batch as a JSON object."""
        return {"batch": self.batch_id, "gap": self.gap, "events": [_to_wire(event) for event in self.events]}


def read_batch(document: object) -> CallBatch:
    """Read a batch; unknown members are ignored.

    Raises:
        ValueError: it is not a batch. The message says why.
    """
    members = _object(document, "the batch")
    batch_id, events = members.get("batch"), members.get("events")
    if not isinstance(batch_id, str) or not _ID.fullmatch(batch_id):
        raise ValueError("batch must be an id of 16 to 64 letters, digits, hyphens and underscores")
    if not isinstance(events, list) or len(events) > MAX_EVENTS:
        raise ValueError(f"events must be a list of at most {MAX_EVENTS}")
    gap = _number(members.get("gap", 0), "gap", least=0)
    return CallBatch(batch_id=batch_id, events=tuple(map(_event, events)), gap=gap)


def first_events(events: Iterable[CallEvent]) -> tuple[CallEvent, ...]:
    """Return the first of `events`, as many as one batch may have."""
    first: list[CallEvent] = []
    size = 0
    for event in islice(events, MAX_EVENTS):
        # Callers choose names of tools, and a character of those may take 12 bytes.
        size += len(json.dumps(_to_wire(event))) + len(", ")
        if first and size > MAX_EVENTS_BYTES:
            break
        first.append(event)
    return tuple(first)


def countable(tool: str) -> str:
    """Return the name under which calls of a tool are counted."""
    return tool if len(tool) <= MAX_TOOL and tool.isprintable() else OTHERS


def _to_wire(event: CallEvent) -> dict[str, Any]:
    return {
        "type": TYPE,
        "time": event.time,
        "grant_id": event.grant_id,
        "resource": event.resource,
        "tool": event.tool,
        "outcome": event.outcome.value,
        "count": event.count,
    }


def _event(value: object) -> CallEvent:
    members = _object(value, "an event")
    if members.get("type") != TYPE:
        raise ValueError(f"the type of an event must be {TYPE}")
    grant_id, resource, tool = (members.get(name) for name in ("grant_id", "resource", "tool"))
    if not isinstance(grant_id, str) or not _ID.fullmatch(grant_id):
        raise ValueError("grant_id must be the id of a grant")
    if not isinstance(resource, str) or not isinstance(tool, str) or countable(tool) != tool:
        raise ValueError(f"resource and tool must be text, and the tool at most {MAX_TOOL} characters")
    return CallEvent(
        time=_number(members.get("time"), "time", least=0),
        grant_id=grant_id,
        resource=resource,
        tool=tool,
        outcome=Outcome(str(members.get("outcome"))),
        count=_number(members.get("count"), "count", least=1),
    )


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be a JSON object")
    return value


def _number(value: object, name: str, *, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 10 * MAX_COUNT:
        raise ValueError(f"{name} must be a whole number, {least} or more")
    return value

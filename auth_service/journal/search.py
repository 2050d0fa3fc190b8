"""Searches the journal."""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from auth_service.journal.reader import JournalReader
from shared.journal.chain import read_entry
from shared.journal.delivery import process_of
from shared.journal.event import EventKind
from shared.storage.interface import Position

MEMBERS = ("kind", "subject", "client", "grant", "resource", "session", "request", "name")
"""The members that can be searched for."""
CALL = "call"
"""The kind of a call with its outcome, which two events record."""
_OF_THE_CHAIN = frozenset({EventKind.OPENED, EventKind.CHECKPOINT, EventKind.WITNESS})
_CALLS = frozenset({EventKind.CALL_BEGUN, EventKind.CALL_REFUSED})
_ENDINGS = frozenset({EventKind.CALL_COMPLETED, EventKind.CALL_UNKNOWN})
_OUTCOME = ("result", "status", "reason_code", "bytes_out", "duration_ms")


@dataclass(frozen=True, kw_only=True)
class JournalQuery:
    """A search of the journal; an event has to meet every condition.

    Attributes:
        members: of `MEMBERS`, with the value that each must have.
        since_ms, until_ms: milliseconds since 1970; the second is exclusive, None for now.
    """

    members: dict[str, str]
    since_ms: int = 0
    until_ms: int | None = None

    def matches(self, event: dict[str, Any]) -> bool:
        """Check an event. Events about the chain itself match only if they are searched for by their kind."""
        if event["kind"] in _OF_THE_CHAIN and "kind" not in self.members:
            return False
        in_time = self.since_ms <= event["time_ms"] and (
            self.until_ms is None or event["time_ms"] < self.until_ms
        )
        return in_time and all(_has(event, name, value) for name, value in self.members.items())


async def matching_events(reader: JournalReader, query: JournalQuery) -> AsyncIterator[dict[str, Any]]:
    """Iterate over the matching events, one chain after the other, each with the name of its `chain`.

    Entries that cannot be read are passed over; a verification names them.
    """
    async for writer, event in _events(reader, query.since_ms):
        if query.matches(event):
            yield {"chain": writer, **event}


async def _events(reader: JournalReader, since_ms: int) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    after = Position(max(0, since_ms - 1), 0)
    for writer in await reader.writers():
        async for _, entries in reader.written(writer, after=after):
            for entry in entries:
                event = _read(entry)
                if event is not None:
                    yield writer, event


async def matching_calls(reader: JournalReader, query: JournalQuery) -> AsyncIterator[dict[str, Any]]:
    """Do the same, with the two events of each call as one of kind `CALL`, unless a kind is searched for."""
    if query.members.get("kind", CALL) != CALL:
        async for event in matching_events(reader, query):
            yield event
        return
    begun: dict[tuple[str, str], dict[str, Any]] = {}
    async for writer, event in _events(reader, query.since_ms):
        key = (process_of(writer), str(event.get("call")))
        if event["kind"] in _ENDINGS:
            if call := begun.pop(key, None):
                yield {**call, **_outcome(event)}
        elif query.matches(event):
            if event["kind"] == EventKind.CALL_BEGUN:
                begun[key] = {"chain": writer, **event, "kind": CALL}
            else:
                yield {"chain": writer, **event}
    for call in begun.values():
        yield {**call, "result": "not ended"}


def _outcome(ending: dict[str, Any]) -> dict[str, Any]:
    if ending["kind"] == EventKind.CALL_UNKNOWN:
        return {"result": "unknown"}
    return {name: ending[name] for name in _OUTCOME if name in ending}


def _has(event: dict[str, Any], name: str, value: str) -> bool:
    if name == "kind" and value == CALL:
        return event["kind"] in _CALLS
    return bool(event.get(name) == value)


async def newest_events(reader: JournalReader, query: JournalQuery, limit: int) -> list[dict[str, Any]]:
    """Return the newest matching events, oldest first, at most `limit`; calls with their outcome."""
    kept: list[tuple[int, str, int, int, dict[str, Any]]] = []
    # The number tells apart entries that somebody has copied; events have no order.
    number = count()
    async for event in matching_calls(reader, query):
        heapq.heappush(kept, (event["time_ms"], event["chain"], event["sequence"], next(number), event))
        if len(kept) > limit:
            heapq.heappop(kept)
    return [event for *_, event in sorted(kept, key=lambda each: each[:4])]


def _read(entry: bytes) -> dict[str, Any] | None:
    try:
        return read_entry(entry)
    except ValueError:
        return None

"""Joins the two events of each call: one when it began, one when it ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from auth_service.journal.newest_first import Place, entries_of
from auth_service.storage import keys
from shared.journal.chain import read_entry
from shared.journal.delivery import process_of
from shared.journal.event import EventKind
from shared.journal.outcomes import CALL, NOT_ENDED
from shared.storage.interface import Position, Store

MAX_ENTRIES_AFTER = 2_000
"""Entries behind the place where a search begins in which the end of a call is looked for, for each chain."""
_ENDINGS = (EventKind.CALL_COMPLETED, EventKind.CALL_UNKNOWN)
_ENDINGS_IN_TEXT = tuple(f'"kind":"{kind.value}"'.encode() for kind in _ENDINGS)
_OUTCOME = ("result", "status", "reason_code", "bytes_out", "duration_ms")


class CallOutcomes:
    """The ends of calls, as far as they were read.

    Args:
        chains: the names of all chains.
        begins: the place before which entries are read; calls before it can have ended behind it.
    """

    def __init__(self, store: Store, chains: Iterable[str], begins: Place) -> None:
        self._store = store
        self._chains = list(chains)
        self._begins = begins
        self._outcomes: dict[tuple[str, str], dict[str, Any]] = {}
        self._read_behind: set[str] = set()

    def note(self, chain: str, entry: bytes) -> bool:
        """Note the entry if it is the end of a call; return whether it is."""
        if not any(text in entry for text in _ENDINGS_IN_TEXT):
            return False
        event = readable(entry)
        if event is None or event["kind"] not in _ENDINGS:
            return False
        self._outcomes[process_of(chain), str(event.get("call"))] = _outcome(event)
        return True

    async def joined(self, chain: str, begun: Mapping[str, Any]) -> dict[str, Any]:
        """Return the call that has begun, with its outcome."""
        process, number = process_of(chain), str(begun.get("call"))
        if (process, number) not in self._outcomes and process not in self._read_behind:
            self._read_behind.add(process)
            await self._read(process)
        outcome = self._outcomes.get((process, number), {"result": NOT_ENDED})
        return {**begun, "kind": CALL, **outcome}

    async def _read(self, process: str) -> None:
        for chain in self._chains:
            if process_of(chain) == process and process:
                await self._read_chain(chain)

    async def _read_chain(self, chain: str) -> None:
        left, after = MAX_ENTRIES_AFTER, Position(max(0, self._begins.time_ms - 1), 0)
        while left > 0:
            writes = await self._store.log_read(keys.journal(chain), after=after, limit=32)
            if not writes:
                return
            for after, lines in writes:
                entries = entries_of(chain, after, lines)
                left -= len(entries)
                for _, entry in entries:
                    self.note(chain, entry)


def readable(entry: bytes) -> dict[str, Any] | None:
    """Return the event of an entry; None if it cannot be read. A verification names those."""
    try:
        return read_entry(entry)
    except ValueError:
        return None


def _outcome(ending: Mapping[str, Any]) -> dict[str, Any]:
    if ending["kind"] == EventKind.CALL_UNKNOWN:
        return {"result": "unknown"}
    return {name: ending[name] for name in _OUTCOME if name in ending}

"""The conditions of a search in the journal. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shared.journal.event import EventKind
from shared.journal.outcomes import CALL, has_failed

MEMBERS = ("kind", "subject", "client", "grant", "resource", "session", "request", "name")
"""The members that can be searched for."""
_OF_THE_CHAIN = frozenset({EventKind.OPENED, EventKind.CHECKPOINT, EventKind.WITNESS})
_CALLS = frozenset({EventKind.CALL_BEGUN, EventKind.CALL_REFUSED})


class Outcome(StrEnum):
    """The outcomes of events that can be searched for."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


_OUTCOMES = {False: Outcome.SUCCEEDED, True: Outcome.FAILED, None: Outcome.UNKNOWN}


@dataclass(frozen=True, kw_only=True)
class JournalQuery:
    """A search of the journal; an event has to meet every condition.

    Attributes:
        members: of `MEMBERS`, with the value that each must have.
        outcome: for calls, that of their end.
        since_ms, until_ms: milliseconds since 1970; the second is exclusive, None for now.
    """

    members: Mapping[str, str] = field(default_factory=dict)
    outcome: Outcome | None = None
    since_ms: int = 0
    until_ms: int | None = None

    def to_json(self) -> dict[str, str]:
        """Return the conditions for the event about the search, without the time."""
        return {**self.members, **({"outcome": self.outcome.value} if self.outcome else {})}

    def may_match(self, entry: bytes) -> bool:
        """Check without reading an entry whether it can match: values are in it as they are in the query."""
        return all(value in entry for value in self._encoded())

    def _encoded(self) -> list[bytes]:
        texts = [
            json.dumps(value, ensure_ascii=False)
            for name, value in self.members.items()
            if name != "kind" or value != CALL
        ]
        return [text.encode("utf-8", "replace") for text in texts]

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Check an event, but not its outcome, which that of a call may only show later.

        Events about the chain itself match only if they are searched for by their kind.
        """
        if event["kind"] in _OF_THE_CHAIN and "kind" not in self.members:
            return False
        in_time = self.since_ms <= event["time_ms"] and (
            self.until_ms is None or event["time_ms"] < self.until_ms
        )
        return in_time and all(_has(event, name, value) for name, value in self.members.items())

    def has_outcome(self, event: Mapping[str, Any]) -> bool:
        """Check the outcome of an event."""
        return self.outcome is None or _OUTCOMES[has_failed(event)] == self.outcome


def _has(event: Mapping[str, Any], name: str, value: str) -> bool:
    if name == "kind" and value == CALL:
        return event["kind"] in _CALLS
    return bool(event.get(name) == value)

"""Calls in a journal, decided again by a policy: for ``doorward policy replay``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.cli.console import CommandError

if TYPE_CHECKING:
    from resource_service.policy.rules import Policy


class Decision(NamedTuple):
    """The use of a tool, prompt, resource or method, with the decision then and now."""

    name: str
    was: str
    would_be: str


@dataclass(slots=True)
class Uses:
    """The calls with one decision.

    Attributes:
        people: their subjects; None stands for clients that act for themselves.
    """

    calls: int = 0
    people: set[str | None] = field(default_factory=set)


@dataclass(slots=True)
class Replay:
    """The decisions about all calls of a journal.

    Attributes:
        changes: the calls whose decision differs, or is undecided.
        undecided: calls whose decision depends on what the journal does not have.
        skipped: events of calls about which no policy decided, or without the scopes of the caller.
    """

    calls: int = 0
    undecided: int = 0
    skipped: int = 0
    changes: dict[Decision, Uses] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        """The calls whose decision differs."""
        return sum(uses.calls for uses in self.changes.values()) - self.undecided

    def rows(self) -> Iterator[dict[str, object]]:
        """Yield the changes, most calls first."""
        for decision, uses in sorted(self.changes.items(), key=lambda item: (-item[1].calls, item[0])):
            yield {"calls": uses.calls, "people": len(uses.people), **decision._asdict()}

    def lines(self) -> Iterator[tuple[str, ...]]:
        """Yield the changes as text."""
        for row in self.rows():
            yield tuple(map(str, row.values()))

    def __str__(self) -> str:
        same = self.calls - self.changed - self.undecided
        text = f"{self.calls} calls: {same} as before, {self.changed} differently, {self.undecided} undecided"
        return f"{text}; events skipped: {self.skipped}" if self.skipped else text


def replayed(policy: Policy, lines: Iterable[str], resource: str | None) -> Replay:
    """Decide the calls in the lines of a journal again.

    Args:
        lines: an event in JSON each.
        resource: only calls of this one; None for all.

    Raises:
        CommandError: a line is not an event.
    """
    from resource_service.policy.replay import UNDECIDED, decided_again, recorded_call

    replay = Replay()
    for event in _events(lines):
        if not str(event.get("kind", "")).startswith("call") or "method" not in event:
            continue
        if resource is not None and event.get("resource") != resource:
            continue
        call = recorded_call(event)
        if call is None:
            replay.skipped += 1
            continue
        replay.calls += 1
        would_be = decided_again(policy, call)
        replay.undecided += would_be == UNDECIDED
        if would_be != call.case.expected:
            uses = replay.changes.setdefault(Decision(call.name, call.case.expected, would_be), Uses())
            uses.calls += 1
            uses.people.add(call.subject)
    return replay


def _events(lines: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, dict) or not isinstance(event.get("time_ms"), int):
            raise CommandError(f"line {number} is not an event of `doorward audit export`")
        yield event

"""The events of the journal about pins: digests in place of definitions, which strangers write. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from resource_service.pins.approvals import instructions_digest
from resource_service.pins.definitions import DefinitionKind, Pins, digest
from shared.journal.event import EventKind
from shared.journal.redaction import text_of
from shared.pinned_definitions import INSTRUCTIONS, MAX_NAME

MAX_EVENTS = 100
"""Definitions of one approval that have an event each; one more event counts the others."""
WINDOW_S = 60.0

Members = Mapping[str, object]
Note = Callable[[EventKind, Members], None]
"""Records an event about the pins of one resource."""

_Digests = Mapping[tuple[str, str], str]
"""Maps kind and name to the digest of what is pinned."""


class EventRate:
    """Bounds the events that a server can cause by changing what it lists: `MAX_EVENTS` in `WINDOW_S`.

    Args:
        monotonic: a monotonic clock in seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._until = float("-inf")
        self._admitted = self._left_out = 0

    def admit(self) -> int | None:
        """Return how many events were left out since the last one; None if this one is left out, too."""
        now = self._now()
        if now >= self._until:
            self._until, self._admitted = now + WINDOW_S, 0
        if self._admitted >= MAX_EVENTS:
            self._left_out += 1
            return None
        self._admitted += 1
        left_out, self._left_out = self._left_out, 0
        return left_out


def nothing_noted(_kind: EventKind, _members: Members) -> None:
    """Record nothing."""


def pinned(member: str, first: Pins, *, by: str) -> Members:
    """Return the members of the event that a kind was pinned.

    Args:
        member: the kind, as the lock file names it.
        first: contains nothing else.
        by: what has pinned it, ``first list`` or ``lock file``.
    """
    digests = _digests(first)
    listed = [[name, value] for (_, name), value in sorted(digests.items())]
    return {"definition": member, "by": by, "count": len(digests), "after": digest(listed)}


def held(member: str, name: str, *, before: str | None, after: str | None, difference: str) -> Members:
    """Return the members of the event that a definition is held.

    Args:
        before: the digest of what is approved; None if nothing of that name is.
        after: the digest of what is held; None if it has none.
        difference: a value of `Difference`.
    """
    return {
        "definition": member,
        **({"name": text_of(name, MAX_NAME)} if name else {}),
        "before": before,
        "after": after,
        "difference": difference,
    }


def change_events(before: Pins, after: Pins, *, by: str = "lock file") -> Iterator[tuple[EventKind, Members]]:
    """Yield the events about a change of the pins of a process.

    Args:
        by: what has changed them: ``lock file``, or ``administrator`` of the authorization server.
    """
    for member, first in _new_kinds(before, after):
        yield EventKind.DEFINITIONS_PINNED, pinned(member, first, by=by)
    changed = list(_changed(before, after))
    for members in islice(changed, MAX_EVENTS):
        yield EventKind.DEFINITION_APPROVED, {**members, **_named(by)}
    if len(changed) > MAX_EVENTS:
        yield EventKind.DEFINITION_APPROVED, {"others": len(changed) - MAX_EVENTS}


def _named(by: str) -> Members:
    """Return who approved a definition; events about a lock file had no such member in earlier releases."""
    return {} if by == "lock file" else {"by": by}


def _new_kinds(before: Pins, after: Pins) -> Iterator[tuple[str, Pins]]:
    new = after.beyond(before)
    for kind, approved in new.approved.items():
        yield kind.member, Pins({kind: approved})
    if new.instructions is not None:
        yield INSTRUCTIONS, Pins(instructions=new.instructions)


def _changed(before: Pins, after: Pins) -> Iterator[Members]:
    pinned_before = {kind.member for kind in before.approved}
    if before.instructions is not None:
        pinned_before.add(INSTRUCTIONS)
    old, new = _digests(before), _digests(after)
    for member, name in sorted(old.keys() | new.keys()):
        was, is_now = old.get((member, name)), new.get((member, name))
        if member in pinned_before and was != is_now:
            named = {"name": text_of(name, MAX_NAME)} if name else {}
            yield {"definition": member, **named, "before": was, "after": is_now}


def _digests(pins: Pins) -> _Digests:
    digests = {
        (kind.member, name): definition.digest
        for kind in DefinitionKind
        for name, definition in pins.approved.get(kind, {}).items()
    }
    if (text := instructions_digest(pins)) is not None:
        digests[INSTRUCTIONS, ""] = text
    return digests

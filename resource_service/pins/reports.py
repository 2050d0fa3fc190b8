"""Reports of pinned and held definitions to the authorization server. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from resource_service.pins.approvals import base_digest, instructions_digest
from resource_service.pins.comparison import Change, changes, value_changes
from resource_service.pins.definitions import DefinitionKind, Pins
from shared.pinned_definitions import (
    INSTRUCTIONS,
    MAX_CHANGES_BYTES,
    MAX_HELD,
    MAX_NAME,
    MAX_NAMES,
    DefinitionReport,
    HeldDefinition,
    PinnedKind,
    ValueChange,
    changes_to_wire,
)

MAX_HELD_BYTES = 36_000
"""Held definitions in one request: with the names of what is pinned, it fits a request body of 64 KiB."""
_MAX_NAMES_BYTES = 20_000

_KINDS = {kind.member: kind for kind in DefinitionKind}


def reports(resource: str, process: str, *, base: Pins, pins: Pins, held: Pins) -> list[DefinitionReport]:
    """Return the reports about one resource, each of which fits into a request.

    Args:
        process: names this process.
        base: what is pinned without approvals.
        pins: what is pinned.
    """
    reported = list(_held(base, pins, held))
    names = tuple(each.identity for each in reported)
    pinned = pinned_kinds(pins)
    return [
        DefinitionReport(resource=resource, process=process, pinned=pinned, held=batch, all_held=names)
        for batch in _batches(reported)
    ]


def pinned_kinds(pins: Pins) -> tuple[PinnedKind, ...]:
    """Return how many definitions of each kind are pinned, with the first names."""
    room, kinds = _MAX_NAMES_BYTES, []
    for kind, approved in pins.approved.items():
        names = []
        for name in sorted(approved)[:MAX_NAMES]:
            room -= _bytes_in(name)
            if room < 0 or len(name) > MAX_NAME:
                break
            names.append(name)
        kinds.append(PinnedKind(definition=kind.member, count=len(approved), names=tuple(names)))
    if pins.instructions is not None:
        kinds.append(PinnedKind(definition=INSTRUCTIONS, count=1 if pins.instructions else 0))
    return tuple(kinds)


def _held(base: Pins, pins: Pins, held: Pins) -> Iterator[HeldDefinition]:
    nameable = [change for change in changes(pins, held) if len(change.name) <= MAX_NAME]
    for change in nameable[:MAX_HELD]:
        before, current = _digests(change, base, held)
        if current is not None:
            yield HeldDefinition(
                definition=change.kind,
                name=change.name,
                difference="new" if change.is_new else "changed",
                base=before,
                digest=current,
                changes=_changes(change),
            )


def _digests(change: Change, base: Pins, held: Pins) -> tuple[str | None, str | None]:
    """Return the digest of what is pinned without approvals, and of what is held."""
    if change.kind == INSTRUCTIONS:
        return instructions_digest(base), instructions_digest(held)
    kind = _KINDS[change.kind]
    return base_digest(base, kind, change.name), base_digest(held, kind, change.name)


def _changes(change: Change) -> tuple[ValueChange, ...] | None:
    try:
        compared = tuple(value_changes(change))
        return compared if _bytes_in(changes_to_wire(compared)) <= MAX_CHANGES_BYTES else None
    except RecursionError:
        return None


def _batches(held: Sequence[HeldDefinition]) -> Iterator[tuple[HeldDefinition, ...]]:
    batch: list[HeldDefinition] = []
    room = MAX_HELD_BYTES
    for each in held:
        size = _bytes_in(changes_to_wire(each.changes or ())) + 6 * MAX_NAME
        if size > room and batch:
            yield tuple(batch)
            batch, room = [], MAX_HELD_BYTES
        batch.append(each)
        room -= size
    yield tuple(batch)


def _bytes_in(text: str) -> int:
    return len(text.encode("utf-8", "replace"))

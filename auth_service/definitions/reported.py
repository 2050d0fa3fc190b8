"""Pinned and held definitions, as the processes of resource servers reported them in the last hour."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from auth_service.storage import keys
from shared.clock import Clock
from shared.pinned_definitions import (
    MAX_HELD,
    DefinitionReport,
    HeldDefinition,
    changes_from_wire,
    changes_to_wire,
)
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

LISTED_FOR_S = 3_600
"""Processes repeat their reports every ten minutes; what none has reported for longer is no longer held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedRecord:
    """The pinned definitions of one kind."""

    definition: str
    count: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRecord:
    """A held definition.

    Attributes:
        process: the process that reported it last.
        at: when, in seconds since 1970.
        changes: JSON text; None if they are too long.
    """

    definition: str
    name: str
    difference: str
    digest: str
    process: str
    at: int
    base: str | None = None
    changes: str | None = None

    @property
    def held(self) -> HeldDefinition:
        """The definition, as it was reported."""
        changes = None if self.changes is None else changes_from_wire(json.loads(self.changes))
        return HeldDefinition(
            definition=self.definition,
            name=self.name,
            difference=self.difference,
            base=self.base,
            digest=self.digest,
            changes=changes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedResource:
    """The pinned and held definitions of one resource.

    Attributes:
        at: the last report, in seconds since 1970.
    """

    resource: str
    at: int
    pinned: tuple[PinnedRecord, ...] = ()
    held: tuple[HeldRecord, ...] = ()


class ReportedDefinitions:
    """Reads and adds reports."""

    def __init__(self, store: Store, clock: Clock) -> None:
        codec = JsonCodec(ReportedResource)
        self._resources = Collection(store, keys.reported_definitions, codec, lambda _: LISTED_FOR_S)
        self._clock = clock

    async def get(self, resource: str) -> ReportedResource | None:
        """Return what is held for a resource; None if nothing was reported in the last hour."""
        reported, now = await self._resources.get(resource), self._clock()
        if reported is None:
            return None
        return replace(reported, held=tuple(_recent(reported.held, now)))

    async def add(self, report: DefinitionReport) -> None:
        """Add the report of a process, in place of its previous one."""
        now = int(self._clock())
        empty = ReportedResource(resource=report.resource, at=now)

        def rule(stored: ReportedResource) -> tuple[ReportedResource, bool]:
            return merged(stored, report, now), True

        while not await self._resources.update(report.resource, rule):
            if await self._resources.create(report.resource, merged(empty, report, now)):
                break


def merged(stored: ReportedResource, report: DefinitionReport, now: int) -> ReportedResource:
    """Return what is held after a report. Pure.

    What the process has reported before, and holds no longer, is left out; what other processes hold stays.
    Of one name, the definition that was reported last is kept.
    """
    new = {(each.definition, each.name): _record(each, report.process, now) for each in report.held}
    still_held = frozenset(report.all_held)
    others = [
        each
        for each in _recent(stored.held, now)
        if (each.definition, each.name) not in new
        and (each.process != report.process or each.held.identity in still_held)
    ]
    held = sorted([*others, *new.values()], key=lambda each: (each.definition, each.name))
    pinned = tuple(
        PinnedRecord(definition=each.definition, count=each.count, names=each.names) for each in report.pinned
    )
    return ReportedResource(resource=report.resource, at=now, pinned=pinned, held=tuple(held[:MAX_HELD]))


def _recent(held: Iterable[HeldRecord], now: float) -> Iterable[HeldRecord]:
    return (each for each in held if now < each.at + LISTED_FOR_S)


def _record(held: HeldDefinition, process: str, now: int) -> HeldRecord:
    return HeldRecord(
        definition=held.definition,
        name=held.name,
        difference=held.difference,
        base=held.base,
        digest=held.digest,
        changes=None if held.changes is None else changes_to_wire(held.changes),
        process=process,
        at=now,
    )

"""The pins of one resource: taken from the first list or the lock file, and written to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import anyio.to_thread

from resource_service.pins import events
from resource_service.pins.comparison import INSTRUCTIONS
from resource_service.pins.definitions import (
    MAX_DEFINITIONS,
    Definition,
    DefinitionKind,
    Difference,
    Pins,
    approve,
)
from resource_service.pins.events import EventRate, Note, nothing_noted
from resource_service.pins.files import PinFiles
from resource_service.pins.lock_file import LockFileError
from resource_service.pins.shared_pins import SharedPins
from shared.clock import steady_clock
from shared.in_background import in_background
from shared.journal.event import EventKind
from shared.journal.redaction import text_of
from shared.logs import get_logger

LOOK_EVERY_S = 0.5

_log = get_logger(__name__)


class PinKeeper:
    """The approved definitions of one resource.

    Args:
        resource: its URL.
        lock: the lock file; None if there is none.
        shared: how processes agree on what is pinned first; None to keep that in this one.
        note: records events.

    Attributes:
        pins: the current ones.
        held: the definitions that differ, as they were last seen, for the operator to compare.
    """

    def __init__(
        self, resource: str, lock: Path | None, shared: SharedPins | None = None, note: Note = nothing_noted
    ) -> None:
        self._resource = resource
        self._files = None if lock is None else PinFiles(lock)
        self._shared = shared
        self._note = note
        self._rate = EventRate(steady_clock)
        self._unreadable: set[str] = set()
        self._pinned = anyio.Event()
        self.pins = Pins()
        self.held = Pins()
        if self._files is not None and (pins := self._changed_pins(self._files)) is not None:
            self._take(pins, self.pins)

    def pin(self, kind: DefinitionKind, definitions: Iterable[Definition]) -> None:
        """Approve the first list of a kind that was seen."""
        if kind in self.pins.approved:
            return
        seen = list(definitions)[:MAX_DEFINITIONS]
        first = Pins().with_kind(kind, seen)
        self._pin(kind.member, first, count=len(first.approved[kind]))

    def pin_instructions(self, instructions: str) -> None:
        """Approve the first instructions that were seen."""
        self._pin(INSTRUCTIONS, Pins(instructions=instructions), count=1)

    def note_held(self, definition: Definition, difference: Difference) -> bool:
        """Keep a definition that differs, for the operator; the log has each version once.

        Returns:
            Whether this version was not noted before.
        """
        held = self.held.approved.get(definition.kind, {})
        version = approve([definition])
        if version.items() <= held.items() and (version or definition.name in self._unreadable):
            return False
        if not version:
            self._unreadable.add(definition.name)
        elif len(held) < MAX_DEFINITIONS:
            self.held = replace(
                self.held, approved={**self.held.approved, definition.kind: {**held, **version}}
            )
            self._write_held()
        pinned = self.pins.approved.get(definition.kind, {}).get(definition.name)
        self._note_difference(
            definition.kind.member,
            definition.name,
            before=pinned and pinned.digest,
            after=next((each.digest for each in version.values()), None),
            difference=difference,
        )
        return True

    def note_held_instructions(self, instructions: str) -> None:
        """Keep instructions that differ, for the operator; the log has each version once."""
        if instructions == self.held.instructions:
            return
        self.held = replace(self.held, instructions=instructions)
        self._write_held()
        self._note_difference(
            INSTRUCTIONS,
            "",
            before=events.instructions_digest(self.pins),
            after=events.instructions_digest(self.held),
            difference=Difference.CHANGED,
        )

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Follow and write the lock file, and agree with other processes, for the length of the context."""
        if self._files is None and self._shared is None:
            yield
            return
        async with in_background(self._keep_up()):
            yield

    async def _keep_up(self) -> None:
        while True:
            self._pinned = anyio.Event()
            if self._shared is not None:
                before = self.pins
                self._take(await self._shared.with_agreed(before), before)
            if self._files is not None:
                await self._exchange(self._files)
            with anyio.move_on_after(LOOK_EVERY_S):
                await self._pinned.wait()

    def _pin(self, member: str, first: Pins, *, count: int) -> None:
        self.pins = self.pins.joined(first)
        if self._shared is not None:
            self._shared.propose(member, first)
        if self._files is not None:
            self._files.has_new_pins = True
        self._pinned.set()
        self._note(EventKind.DEFINITIONS_PINNED, events.pinned(member, first, by="first list"))
        _log.info("definitions pinned", resource=self._resource, kind=member, count=count)

    async def _exchange(self, files: PinFiles) -> None:
        """Write to the files what is new, and read what is new in them."""
        before = self.pins
        await anyio.to_thread.run_sync(files.write, before, self.held)
        pins = await anyio.to_thread.run_sync(self._changed_pins, files)
        if pins is not None:
            self._take_file(pins, before)

    def _changed_pins(self, files: PinFiles) -> Pins | None:
        try:
            return files.changed_pins()
        except LockFileError as error:
            _log.error(
                "the lock file is invalid; the previous pins stay active",
                file=str(files.lock),
                reason=str(error),
            )
            return None

    def _take_file(self, pins: Pins, before: Pins) -> None:
        """Take the pins of the lock file. What was pinned before it existed gives way."""
        for kind, members in events.lock_file_events(self.pins, pins.joined(self.pins.beyond(before))):
            self._note(kind, members)
        self._take(pins, before)
        if self._shared is not None:
            self._shared.end(pins)
        _log.info("pins loaded", resource=self._resource)

    def _take(self, pins: Pins, before: Pins) -> None:
        """Take `pins` in place of those `before`; what was pinned since stays pinned."""
        current = pins.joined(self.pins.beyond(before))
        if current != self.pins:
            self.pins, self.held = current, Pins()

    def _write_held(self) -> None:
        if self._files is not None:
            self._files.has_new_held = True

    def _note_difference(
        self, kind: str, name: str, *, before: str | None, after: str | None, difference: Difference
    ) -> None:
        left_out = self._rate.admit()
        if left_out is None:
            return
        members = events.held(kind, name, before=before, after=after, difference=difference.value)
        others = {"others": left_out} if left_out else {}
        self._note(EventKind.DEFINITION_HELD, {**members, **others})
        _log.warning(
            "a definition differs from what was approved; see `doorward tools diff`",
            resource=self._resource,
            kind=kind,
            name=text_of(name, events.MAX_NAME),
            difference=difference.value,
        )

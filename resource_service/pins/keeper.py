"""The pins of one resource: taken from the first list or the lock file, and written to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import anyio.to_thread

from resource_service.pins import events
from resource_service.pins.approvals import ApprovedHere, instructions_digest
from resource_service.pins.comparison import still_held
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
from resource_service.policy.conditions import Hints, hints_in
from shared.clock import steady_clock
from shared.in_background import in_background
from shared.journal.event import EventKind
from shared.journal.redaction import text_of
from shared.logs import get_logger
from shared.pinned_definitions import INSTRUCTIONS, MAX_NAME, ApprovedDefinition

LOOK_EVERY_S = 0.5

_log = get_logger(__name__)


class PinKeeper:
    """The approved definitions of one resource.

    Args:
        resource: the URL of the resource.
        lock: the lock file; None if there is none.
        shared: how processes agree on what is pinned first; None to keep that in this one.
        note: records events.

    Attributes:
        base: what the lock file, the shared store or the first list says.
        pins: the same, with what administrators have approved in its place.
        held: the definitions that differ, as they were last seen, for the operator to compare.
    """

    def __init__(
        self, resource: str, lock: Path | None, shared: SharedPins | None = None, note: Note = nothing_noted
    ) -> None:
        self.resource = resource
        self._files = None if lock is None else PinFiles(lock)
        self._shared = shared
        self._note = note
        self._rate = EventRate(steady_clock)
        self._unreadable: set[str] = set()
        self._pinned = anyio.Event()
        self._approved = ApprovedHere()
        self.base = self.pins = self.held = Pins()
        if self._files is not None and (pins := self._changed_pins(self._files)) is not None:
            self._take(pins, self.base)

    def pin(self, kind: DefinitionKind, definitions: Iterable[Definition]) -> None:
        """Approve the first list of a kind that was seen."""
        if kind in self.base.approved:
            return
        seen = list(definitions)[:MAX_DEFINITIONS]
        first = Pins().with_kind(kind, seen)
        self._pin(kind.member, first, count=len(first.approved[kind]))

    def pin_instructions(self, instructions: str) -> None:
        """Approve the first instructions that were seen."""
        self._pin(INSTRUCTIONS, Pins(instructions=instructions), count=1)

    def difference(self, definition: Definition) -> Difference | None:
        """Return how a definition differs from what was approved; None if it is the same."""
        difference = self.pins.difference(definition)
        if difference in (Difference.NEW, Difference.CHANGED):
            self._see_approved(Pins({definition.kind: approve([definition])}))
            return self.pins.difference(definition)
        return difference

    def hints_of(self, tool: str) -> Hints | None:
        """Return the annotations in the approved definition of a tool; None if none is approved."""
        pinned = self.pins.approved.get(DefinitionKind.TOOL, {}).get(tool)
        return None if pinned is None else hints_in(pinned.value)

    def differs(self, instructions: str) -> bool:
        """Whether instructions differ from those that were approved."""
        if instructions and instructions != self.pins.instructions:
            self._see_approved(Pins(instructions=instructions))
        return bool(instructions) and instructions != self.pins.instructions

    def take_approved(self, approved: Sequence[ApprovedDefinition]) -> None:
        """Take everything that administrators have approved for this resource."""
        self._change_approved(self._approved.replaced(approved, self.base, self.held))

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
            before=instructions_digest(self.pins),
            after=instructions_digest(self.held),
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
        fault = ""
        while True:
            self._pinned = anyio.Event()
            try:
                await self._agree()
            except Exception as error:  # noqa: BLE001 -- pins must be kept until the service ends
                is_new, fault = repr(error) != fault, repr(error)
                if is_new:  # this is tried twice a second
                    _log.error("pins were not kept up", resource=self.resource, exc_info=error)
            with anyio.move_on_after(LOOK_EVERY_S):
                await self._pinned.wait()

    async def _agree(self) -> None:
        """Agree with other processes and the files, once."""
        if self._shared is not None:
            before = self.base
            self._take(await self._shared.with_agreed(before), before)
        if self._files is not None:
            await self._exchange(self._files)

    def _pin(self, member: str, first: Pins, *, count: int) -> None:
        self._set_base(self.base.joined(first))
        if self._shared is not None:
            self._shared.propose(member, first)
        if self._files is not None:
            self._files.has_new_pins = True
        self._pinned.set()
        self._note(EventKind.DEFINITIONS_PINNED, events.pinned(member, first, by="first list"))
        _log.info("definitions pinned", resource=self.resource, kind=member, count=count)

    async def _exchange(self, files: PinFiles) -> None:
        """Write to the files what is new, and read what is new in them."""
        before = self.base
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
        for kind, members in events.change_events(self.base, pins.joined(self.base.beyond(before))):
            self._note(kind, members)
        self._take(pins, before)
        if self._shared is not None:
            self._shared.end(pins)
        _log.info("pins loaded", resource=self.resource)

    def _take(self, pins: Pins, before: Pins) -> None:
        """Take `pins` in place of those `before`; what was pinned since stays pinned."""
        current = pins.joined(self.base.beyond(before))
        if current != self.base:
            self.held = Pins()
            self._set_base(current)

    def _set_base(self, base: Pins) -> None:
        self.base, self.pins = base, self._approved.over(base)

    def _see_approved(self, seen: Pins) -> None:
        """Take definitions that were approved before this process had seen them."""
        changed = self._approved.seen_as_well(seen, self.base)
        if changed is not self._approved:
            self._change_approved(changed)

    def _change_approved(self, approved: ApprovedHere) -> None:
        before, self._approved = self.pins, approved
        pins = approved.over(self.base)
        if pins != before:
            self.pins, self.held = pins, still_held(pins, self.held)
            for kind, members in events.change_events(before, pins, by="administrator"):
                self._note(kind, members)

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
            resource=self.resource,
            kind=kind,
            name=text_of(name, MAX_NAME),
            difference=difference.value,
        )

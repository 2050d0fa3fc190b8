"""The pins of one resource: taken from the first list or the lock file, and written to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import anyio.to_thread

from resource_service.pins.definitions import (
    MAX_DEFINITIONS,
    Definition,
    DefinitionKind,
    Difference,
    Pins,
    approve,
)
from resource_service.pins.lock_file import LockFileError, held_path, read_lock, write_lock
from resource_service.watched_file import Fingerprint, fingerprint_of
from shared.in_background import in_background
from shared.logs import get_logger

LOOK_EVERY_S = 0.5

_log = get_logger(__name__)


class PinKeeper:
    """The approved definitions of one resource.

    Args:
        resource: its URL.
        lock: the lock file; None to keep pins in the memory of this process.

    Attributes:
        pins: the current ones.
        held: the definitions that differ, as they were last seen, for the operator to compare.
    """

    def __init__(self, resource: str, lock: Path | None) -> None:
        self._resource = resource
        self._lock = lock
        self._held_file = None if lock is None else held_path(lock)
        self._seen: Fingerprint = None
        self._unwritten: set[Path] = set()
        self._not_writable: set[Path] = set()
        self._unreadable: set[str] = set()
        self.pins = Pins()
        self.held = Pins()
        if lock is not None:
            self._read(lock)

    def pin(self, kind: DefinitionKind, definitions: Iterable[Definition]) -> None:
        """Approve the first list of a kind that was seen."""
        if kind in self.pins.approved:
            return
        seen = list(definitions)[:MAX_DEFINITIONS]
        self.pins = self.pins.with_kind(kind, seen)
        self._write_soon(self._lock)
        _log.info("definitions pinned", resource=self._resource, kind=kind.member, count=len(seen))

    def pin_instructions(self, instructions: str) -> None:
        """Approve the first instructions that were seen."""
        self.pins = replace(self.pins, instructions=instructions)
        self._write_soon(self._lock)
        _log.info("definitions pinned", resource=self._resource, kind="instructions", count=1)

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
            self._write_soon(self._held_file)
        self._log_difference(definition.kind.member, definition.name, difference)
        return True

    def note_held_instructions(self, instructions: str) -> None:
        """Keep instructions that differ, for the operator; the log has each version once."""
        if instructions == self.held.instructions:
            return
        self.held = replace(self.held, instructions=instructions)
        self._write_soon(self._held_file)
        self._log_difference("instructions", "", Difference.CHANGED)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Follow and write the lock file for the length of the context."""
        if self._lock is None:
            yield
            return
        async with in_background(self._keep_up(self._lock)):
            yield

    async def _keep_up(self, lock: Path) -> None:
        while True:
            await anyio.to_thread.run_sync(self._write_all)
            await anyio.to_thread.run_sync(self._read, lock)
            await anyio.sleep(LOOK_EVERY_S)

    def _read(self, lock: Path) -> None:
        """Take the pins of the file, if it has changed. What was pinned before it existed gives way."""
        fingerprint = fingerprint_of(lock)
        if fingerprint == self._seen:
            return
        self._seen = fingerprint
        try:
            pins = read_lock(lock)
        except LockFileError as error:
            _log.error(
                "the lock file is invalid; the previous pins stay active", file=str(lock), reason=str(error)
            )
            return
        if pins is not None:
            self.pins = pins
            self.held = Pins()
            _log.info("pins loaded", file=str(lock))

    def _write_all(self) -> None:
        """Write what has changed; a directory without write access is logged once."""
        while self._unwritten:
            path = self._unwritten.pop()
            pins = self.pins if path == self._lock else self.held
            try:
                write_lock(path, pins)
            except OSError as error:
                if path not in self._not_writable:
                    _log.warning("pins are kept in memory only", file=str(path), reason=error.strerror)
                self._not_writable.add(path)
            else:
                self._seen = fingerprint_of(path) if path == self._lock else self._seen

    def _write_soon(self, path: Path | None) -> None:
        if path is not None:
            self._unwritten.add(path)

    def _log_difference(self, kind: str, name: str, difference: Difference) -> None:
        _log.warning(
            "a definition differs from what was approved; see `doorward tools diff`",
            resource=self._resource,
            kind=kind,
            name=name,
            difference=difference.value,
        )

"""The files of one resource's pins: what is approved, and what is held. Several processes write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from resource_service.pins.comparison import held_beside
from resource_service.pins.definitions import Pins
from resource_service.pins.lock_file import LockFileError, exclusive, held_path, read_lock, write_lock
from resource_service.watched_file import Fingerprint, fingerprint_of
from shared.logs import get_logger

_Write = Callable[[Pins], None]

_log = get_logger(__name__)


class PinFiles:
    """The lock file and the file beside it.

    Attributes:
        has_new_pins: whether something was pinned that may be missing in the lock file.
        has_new_held: whether something is held that may be missing in the other file.
    """

    def __init__(self, lock: Path) -> None:
        self.lock = lock
        self._held = held_path(lock)
        self._seen: Fingerprint = None
        self._not_writable: set[Path] = set()
        self.has_new_pins = self.has_new_held = False

    def changed_pins(self) -> Pins | None:
        """Return the pins of the lock file if it has changed since the last call.

        Raises:
            LockFileError: it is invalid.
        """
        fingerprint = fingerprint_of(self.lock)
        if fingerprint == self._seen:
            return None
        self._seen = fingerprint
        return read_lock(self.lock)

    def write(self, pins: Pins, held: Pins) -> None:
        """Add what is new to the files. What other processes have written stays; an invalid file does, too.

        A directory without write access is logged once.
        """
        if self.has_new_pins:
            self.has_new_pins = False
            self._try(self.lock, pins, self._add_pins)
        if self.has_new_held:
            self.has_new_held = False
            self._try(self._held, held, self._add_held)

    def _try(self, path: Path, pins: Pins, write: _Write) -> None:
        try:
            with exclusive(path):
                write(pins)
        except LockFileError:
            return  # reading it says so
        except OSError as error:
            if path not in self._not_writable:
                _log.warning("pins are kept in memory only", file=str(path), reason=error.strerror)
            self._not_writable.add(path)

    def _add_pins(self, pins: Pins) -> None:
        before = read_lock(self.lock)
        after = pins if before is None else before.joined(pins)
        if after != before:
            write_lock(self.lock, after)
        if after == pins:
            self._seen = fingerprint_of(self.lock)

    def _add_held(self, held: Pins) -> None:
        approved, before = read_lock(self.lock) or Pins(), read_lock(self._held) or Pins()
        write_lock(self._held, held_beside(approved, before, held))

"""The values of one process, in a file mapped into memory: they outlive the process, even after SIGKILL."""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import secrets
from bisect import bisect_left
from contextlib import suppress
from pathlib import Path
from typing import Protocol, cast

from shared.metrics.declarations import Metric

CAPACITY = 16_384
"""Values of one process. Labels are bounded, so that a service needs about a tenth of them."""

_VALUE_BYTES = 8
VALUES, NAMES = ".values", ".names"


class Values(Protocol):
    """A mutable sequence of numbers."""

    def __getitem__(self, place: int, /) -> float: ...
    def __setitem__(self, place: int, value: float, /) -> None: ...


class Measurements:
    """Counts and measures, for one process.

    A file beside the values names the series, one a line, in their order. The process holds a lock on that
    file for as long as it lives. Only one thread may write.

    Args:
        folder: the private folder of all processes of the service.
    """

    def __init__(self, folder: Path) -> None:
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        with (folder / f"{name}{VALUES}").open("w+b") as file:
            # Not a sparse file: on a full disk, the first value of a page would end the process (SIGBUS).
            os.posix_fallocate(file.fileno(), 0, CAPACITY * _VALUE_BYTES)
            mapped = mmap.mmap(file.fileno(), CAPACITY * _VALUE_BYTES)
            self._values = cast("Values", memoryview(mapped).cast("d"))
        self._places: dict[tuple[str, ...], int] = {}
        self._used = 0
        self._unwritten = b""
        # Named when it is locked: without a lock, it would be that of a process that has ended.
        hidden = folder / f"{name}.new"
        # Never closed: the lock is the sign that the process lives.
        self._names = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(self._names, fcntl.LOCK_EX)
        hidden.rename(folder / f"{name}{NAMES}")

    @property
    def values(self) -> Values:
        """All values, for callers that remember their places."""
        return self._values

    def place(self, metric: Metric, *labels: str) -> int:
        """Return where the values of a series begin."""
        return self._place(metric, labels)

    def add(self, metric: Metric, *labels: str, amount: float = 1.0) -> None:
        """Add to a counter."""
        self._values[self._place(metric, labels)] += amount

    def set(self, metric: Metric, *labels: str, value: float) -> None:
        """Set a gauge, or a counter that is counted elsewhere in this process."""
        self._values[self._place(metric, labels)] = value

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Add a value to a histogram."""
        place, values = self._place(metric, labels), self._values
        values[place + bisect_left(metric.buckets, value)] += 1.0
        values[place + len(metric.buckets) + 1] += value

    def _place(self, metric: Metric, labels: tuple[str, ...]) -> int:
        place = self._places.get((metric.name, *labels))
        return self._new_place(metric, labels) if place is None else place

    def _new_place(self, metric: Metric, labels: tuple[str, ...]) -> int:
        if len(labels) != len(metric.labels):
            raise ValueError(f"{metric.name} has the labels {metric.labels}, not {labels}")
        place, following = self._used, self._used + metric.slots
        if following > CAPACITY:
            raise OverflowError(f"{metric.name}: more than {CAPACITY} values: a label is not bounded")
        # Nobody reads a value before its name is written.
        self._write_name(json.dumps([place, metric.name, *labels]))
        self._places[metric.name, *labels], self._used = place, following
        return place

    def _write_name(self, name: str) -> None:
        """Write a name, after those for which the disk had no room: no request fails for a measurement."""
        self._unwritten += f"{name}\n".encode()
        with suppress(OSError):
            self._unwritten = self._unwritten[os.write(self._names, self._unwritten) :]

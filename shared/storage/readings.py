"""Several documents, read together in one exchange with the store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, Self, TypeVar

from shared.storage.interface import Store
from shared.storage.steps import ReadMany, Step, in_order

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Reading(Generic[R]):
    """The keys that somebody wants to read, and what follows from their values.

    Attributes:
        decode: called with one value for each key, None for a key that does not exist.
    """

    keys: tuple[str, ...]
    decode: Callable[..., R]


def if_sent(reading: Awaitable[R]) -> asyncio.Future[R] | None:
    """Return a reading that was sent already; None, and it is not made, if it would be sent when awaited."""
    if isinstance(reading, asyncio.Future):
        return reading
    if isinstance(reading, Coroutine):
        reading.close()
    return None


class ReadingAhead:
    """Readings that leave in one exchange with what the caller does next; a context, in which they are used.

    Only where the store sends at once what is read: otherwise they are made when they are needed.
    """

    def __init__(self, store: Store, *readings: Reading[Any]) -> None:
        self._store = store
        self._readings = readings
        self._values = if_sent(store.get_many(_keys(readings)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._values is not None:
            self._values.cancel()  # also if it has failed: asyncio would complain that nobody saw the error

    async def results(self) -> tuple[Any, ...]:
        """Return the result of each reading, which is made now if it was not sent before."""
        if self._values is None:
            return await read_together(self._store, *self._readings)
        return _decoded(self._readings, await self._values)


class LaterReading(Generic[R]):
    """A reading in the same exchange as a write, which sees what the store has after the write.

    Attributes:
        is_done: whether a write was made, and `result` is of the time after it.
    """

    result: R

    def __init__(self, reading: Reading[R]) -> None:
        self._reading = reading
        self.is_done = False

    async def read_after(self, store: Store, step: Step) -> object:
        """Perform a step, then read; return the result of the step.

        Raises:
            StoreUnavailableError: as from `in_order`.
        """
        self.is_done = False
        result, values = await in_order(store, step, ReadMany(self._reading.keys))
        self.result = self._reading.decode(*values)
        self.is_done = True
        return result


async def read_together(store: Store, *readings: Reading[Any]) -> tuple[Any, ...]:
    """Return the result of each reading, from one `Store.get_many`."""
    keys = _keys(readings)
    return _decoded(readings, await store.get_many(keys) if keys else ())


async def read_afterwards(store: Store, steps: Sequence[Step], *readings: Reading[Any]) -> tuple[Any, ...]:
    """Return the result of each reading, which sees what the store has after the steps took effect.

    Raises:
        StoreUnavailableError: as from `in_order`.
    """
    keys = _keys(readings)
    reads = [ReadMany(keys)] if keys else []
    *_, values = await in_order(store, *steps, *reads)
    return _decoded(readings, values if keys else ())


def _keys(readings: Sequence[Reading[Any]]) -> tuple[str, ...]:
    return tuple(key for reading in readings for key in reading.keys)


def _decoded(readings: Sequence[Reading[Any]], values: Iterable[bytes | None]) -> tuple[Any, ...]:
    remaining = iter(values)
    return tuple(reading.decode(*islice(remaining, len(reading.keys))) for reading in readings)


NOTHING: Reading[Any] = Reading((), lambda: None)
"""Reads nothing."""

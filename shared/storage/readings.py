"""Several documents, read together in one exchange with the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from shared.storage.interface import Store

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Reading(Generic[R]):
    """The keys that somebody wants to read, and what follows from their values.

    Attributes:
        decode: called with one value for each key, None for a key that does not exist.
    """

    keys: tuple[str, ...]
    decode: Callable[..., R]


async def read_together(store: Store, *readings: Reading[Any]) -> tuple[Any, ...]:
    """Return the result of each reading, from one `Store.get_many`."""
    wanted = [key for reading in readings for key in reading.keys]
    values = iter(await store.get_many(wanted) if wanted else ())
    return tuple(reading.decode(*islice(values, len(reading.keys))) for reading in readings)


NOTHING: Reading[Any] = Reading((), lambda: None)
"""Reads nothing."""

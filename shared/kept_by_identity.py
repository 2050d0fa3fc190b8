"""Remember what was derived from an object, for as long as the same object is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Source = TypeVar("Source")
Derived = TypeVar("Derived")

MAX_KEPT = 1_000


class KeptByIdentity(Generic[Source, Derived]):
    """Calls `derive` once for each object. An equal object is another one.

    The objects must not change. Each one is referenced as long as it is remembered, so that its `id` is not
    used again.

    Args:
        derive: a pure function; nothing is remembered of a call that raises.
        at_most: how many are remembered; beyond that, the oldest are dropped.
    """

    def __init__(self, derive: Callable[[Source], Derived], *, at_most: int = MAX_KEPT) -> None:
        self._derive = derive
        self._at_most = at_most
        self._kept: dict[int, tuple[Source, Derived]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def __call__(self, source: Source) -> Derived:
        """Return what `derive` returns for `source`."""
        kept = self._kept.get(id(source))
        if kept is not None:
            return kept[1]
        derived = self._derive(source)
        if len(self._kept) >= self._at_most:
            del self._kept[next(iter(self._kept))]
        self._kept[id(source)] = (source, derived)
        return derived

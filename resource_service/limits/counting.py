"""Where calls are counted: in the store that processes share if there is one, else in this process."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass

from resource_service.limits.counts import Counts, LocalCounts, SharedCounts
from resource_service.limits.person_slots import PersonSlots
from resource_service.limits.slots import LocalSlots, SharedSlots, Slots
from resource_service.storage.shared_store import SharedStore
from shared.clock import steady_clock


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCounting:
    """The counters and slots of all resources of a service.

    Attributes:
        run: the context in which slots keep their leases.
        is_shared: whether all processes of the service count together.
    """

    counts: Counts
    slots: Slots
    run: Callable[[], AbstractAsyncContextManager[None]]
    is_shared: bool

    def person_slots(self, purpose: tuple[str, ...], maximum: int) -> PersonSlots | None:
        """Return what counts the slots of people over all processes; None if each process counts alone."""
        return PersonSlots(self.slots, purpose, maximum) if isinstance(self.slots, SharedSlots) else None


def local_counting() -> CallCounting:
    """Count in this process."""
    return CallCounting(
        counts=LocalCounts(steady_clock), slots=LocalSlots(), run=nullcontext, is_shared=False
    )


def call_counting(store: SharedStore | None, server_id: str) -> CallCounting:
    """Count in `store`, or without one in this process.

    Args:
        server_id: the id of this service; another service with another id may share the store.
    """
    if store is None:
        return local_counting()
    slots = SharedSlots(store, server_id)
    return CallCounting(counts=SharedCounts(store, server_id), slots=slots, run=slots.run, is_shared=True)

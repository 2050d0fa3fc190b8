"""Slots of people over all processes that share the store, on top of what each process limits by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from resource_service.limits.slots import SharedSlots, Slot
from resource_service.principal import PersonKey
from shared.clock import Clock, steady_clock
from shared.logs import get_logger
from shared.storage import StoreUnavailableError

WAITS_S = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 0.8, 0.8)
"""Waits for a slot. Other processes are asked to free an unused one; they look once a second."""
RETRY_S = 5.0
"""How long each process counts alone after the store did not answer."""

_log = get_logger(__name__)


class PersonSlots:
    """Slots for one purpose. While the store does not answer, nobody is refused here.

    Args:
        purpose: texts that together name it.
        maximum: the slots of one person.
        clock: monotonic.
    """

    def __init__(
        self, slots: SharedSlots, purpose: tuple[str, ...], maximum: int, clock: Clock = steady_clock
    ) -> None:
        self._slots = slots
        self._purpose = purpose
        self._maximum = maximum
        self._clock = clock
        self._alone_until = 0.0

    @asynccontextmanager
    async def slot(self, person: PersonKey) -> AsyncIterator[bool]:
        """Occupy a slot for the length of the context, which gets False if all are occupied."""
        slot = await self.take(person, waits_s=WAITS_S[:4])
        try:
            yield slot is not None
        finally:
            if slot:
                self.free(slot)

    async def take(
        self,
        person: PersonKey,
        *,
        waits_s: Iterable[float] = WAITS_S,
        make_room: Callable[[], Awaitable[None]] | None = None,
    ) -> Slot | None:
        """Occupy a slot; None if all are occupied, also after `waits_s`.

        Args:
            make_room: called before each wait, for slots that this process or another one can free.
        """
        owner = (*self._purpose, *person)
        if self._clock() < self._alone_until:
            return Slot(owner, "")
        try:
            slot, waits = await self._slots.take(owner, self._maximum), iter(waits_s)
            while slot is None and (wait_s := next(waits, None)) is not None:
                if make_room is not None:
                    await self._slots.ask(owner)
                    await make_room()
                await asyncio.sleep(wait_s)
                slot = await self._slots.take(owner, self._maximum)
        except StoreUnavailableError as error:
            self._alone_until = self._clock() + RETRY_S
            _log.warning("each process counts alone: the store does not answer", detail=str(error))
            return Slot(owner, "")
        return slot

    def free(self, slot: Slot) -> None:
        """Free a slot."""
        if slot.holder:
            self._slots.free(slot)

    async def is_asked_to_free_one(self, person: PersonKey) -> bool:
        """Whether another process waits for a slot of a person; only one process learns it."""
        try:
            return await self._slots.is_asked((*self._purpose, *person))
        except StoreUnavailableError:
            return False

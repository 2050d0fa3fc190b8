"""Shares concurrent look-ups of the same name, and limits them per network."""

from __future__ import annotations

import asyncio

from auth_service.fetching.resolver import THREADS, Resolver
from auth_service.fetching.turns import Bounds, Turns
from auth_service.protocol.special_addresses import Address
from shared.clock import steady_clock

PER_NETWORK = 4
AT_ONCE = THREADS * 8 // 9
"""The other threads are for names that were looked up before; see `Bounds.proven`."""
FOR_UNKNOWN = THREADS // 4

LookUp = asyncio.Task[list[Address]]


class FairResolver:
    """A fair resolver around another one.

    The system's resolver cannot be interrupted: it occupies a thread until it gives up, long after the
    requester has stopped waiting. So a slot is released when the look-up ends, not when its request does.
    """

    def __init__(self, resolve: Resolver) -> None:
        self._resolve = resolve
        self._turns = Turns(
            Bounds(at_once=AT_ONCE, unknown=FOR_UNKNOWN, per_network=PER_NETWORK, per_host=PER_NETWORK)
        )
        self._under_way: dict[tuple[str, int], LookUp] = {}

    async def __call__(self, host: str, port: int) -> list[Address]:
        """See `Resolver`."""
        look_up = self._under_way.get((host, port)) or await self._begin(host, port)
        return await asyncio.shield(look_up)

    async def _begin(self, host: str, port: int) -> LookUp:
        release = await self._turns.acquire(host)
        look_up = self._under_way.get((host, port))
        if look_up is not None:  # another caller started it meanwhile
            release()
            return look_up
        look_up = self._under_way[host, port] = asyncio.create_task(self._look_up(host, port))
        began = steady_clock()

        def ended(task: LookUp) -> None:
            release()
            self._under_way.pop((host, port), None)
            # `exception` also marks it as retrieved: the caller may be gone.
            is_answered = not task.cancelled() and task.exception() is None
            self._turns.proven.note(host, steady_clock() - began if is_answered else None)

        look_up.add_done_callback(ended)
        return look_up

    async def _look_up(self, host: str, port: int) -> list[Address]:
        return await self._resolve(host, port)

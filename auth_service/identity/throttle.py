"""Brakes, kept in the store so that all replicas share them."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from auth_service.protocol import throttle
from auth_service.protocol.errors import SlowDownError
from auth_service.protocol.throttle import Limit, Tally
from auth_service.storage import keys
from auth_service.storage.documents import Collection
from auth_service.storage.interface import Store
from auth_service.storage.json_codec import JsonCodec
from shared.clock import Clock

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Throttle:
    """One kind of attempt, limited for each origin of attempts."""

    def __init__(self, store: Store, clock: Clock, kind: str, limit: Limit) -> None:
        self._clock = clock
        self._limit = limit
        self._tallies = Collection(
            store, lambda origin: keys.throttle(kind, origin), JsonCodec(Tally), self._remaining
        )

    def _remaining(self, tally: Tally) -> int:
        return max(1, tally.since + self._limit.window_s - int(self._clock()))

    async def attempt(self, origin: str) -> None:
        """Count an attempt from `origin`.

        Raises:
            SlowDownError: there were too many.
        """
        wait_s = await self._count(origin)
        if wait_s:
            raise SlowDownError("too many attempts from your network; try again later", retry_after_s=wait_s)

    async def forgive(self, origin: str) -> None:
        """Take back an attempt that turned out to be a good one."""
        await self._tallies.update(origin, throttle.forgive)

    async def _count(self, origin: str) -> int:
        now = int(self._clock())
        while True:
            wait_s = await self._tallies.update(origin, lambda tally: throttle.count(tally, self._limit, now))
            if wait_s is not None:
                return wait_s
            if await self._tallies.create(origin, Tally(now, 1)):
                return 0


def network_of(peer: str | None, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> str:
    """The network that a request comes from: one IPv4 address, or the /64 of an IPv6 address.

    Wider would lock neighbours out; narrower would let one machine have 2^64 tries.

    Args:
        peer: the address at the other end of the connection.
        forwarded_for: the addresses of X-Forwarded-For, in order, believed as far as proxies are trusted.
    """
    hops = [*forwarded_for, *([peer] if peer else [])]
    while hops:
        address = _address(hops.pop())
        if address is None:
            break
        if not hops or not any(address in network for network in trusted):
            prefix = 32 if address.version == 4 else 64
            return str(ipaddress.ip_network((address, prefix), strict=False))
    return "unknown"


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address

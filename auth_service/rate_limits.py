"""Rate limits, counted in the store so that all processes share them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from auth_service.protocol.errors import SlowDownError
from auth_service.protocol.rate_limit import Limit, Scope, scopes_of
from auth_service.protocol.reasons import Reason
from auth_service.storage import keys
from auth_service.storage.interface import Store

UNKNOWN = "unknown"
"""The network of all clients whose address is unknown."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Throttle:
    """Limits the rate of one kind of attempt for each network.

    Args:
        kind: what is counted; attempts of different kinds are counted separately.
    """

    def __init__(self, store: Store, kind: str, limit: Limit) -> None:
        self._store = store
        self._kind = kind
        self._limit = limit

    async def attempt(self, network: str, *, more: int = 0) -> None:
        """Count an attempt from `network`, which for IPv6 also counts against its /56 and /48.

        A refused attempt is not counted: retrying does not extend the wait.

        Args:
            more: attempts allowed to this network beyond the limit.

        Raises:
            SlowDownError: there were too many attempts.
        """
        scopes = scopes_of(network)
        for position, scope in enumerate(scopes):
            wait_s = await self._count(scope, more)
            if wait_s:
                await self._uncount(scopes[:position])
                raise SlowDownError(Reason.RATE_LIMITED, self._limit.refusal, retry_after_s=wait_s)

    async def refund(self, network: str) -> None:
        """Refund an attempt that succeeded."""
        await self._uncount(scopes_of(network))

    async def _count(self, scope: Scope, more: int) -> int:
        """Count an attempt; return the seconds to wait if there were too many, else 0."""
        counted = await self._store.count(
            keys.count(self._kind, scope.network),
            ttl_s=self._limit.window_s,
            limit=self._limit.attempts * scope.factor + more,
        )
        return 0 if counted.admitted else counted.remaining_s

    async def _uncount(self, scopes: Iterable[Scope]) -> None:
        for scope in scopes:
            await self._store.uncount(keys.count(self._kind, scope.network))


def network_of(peer: str | None, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> str:
    """Return the network of a request: one IPv4 address, or the /64 of an IPv6 address.

    A wider network would lock out neighbours; a narrower one would give one machine 2^64 attempts.

    Args:
        peer: the address at the other end of the connection.
        forwarded_for: the addresses that proxies report, in order, used as far as the proxies are trusted.
    """
    hops = [*forwarded_for, *([peer] if peer else [])]
    while hops:
        address = _address(hops.pop())
        if address is None:
            break
        if not hops or not any(address in network for network in trusted):
            prefix = 32 if address.version == 4 else 64
            return str(ipaddress.ip_network((address, prefix), strict=False))
    return UNKNOWN


def is_trusted(peer: str | None, trusted: Sequence[Network]) -> bool:
    """Whether `peer` is a proxy whose report of the sender is trusted."""
    address = _address(peer or "")
    return address is None or any(address in network for network in trusted)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(_host(text))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _host(text: str) -> str:
    """Return the address in a hop: a proxy may add a port, and then puts an IPv6 address in brackets."""
    text = text.strip().strip('"')
    if text.startswith("["):
        return text[1:].partition("]")[0]
    # One colon separates a port; an IPv6 address has at least two.
    return text.partition(":")[0] if text.count(":") == 1 else text

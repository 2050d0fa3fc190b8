"""Rate limits, counted in the store so that all processes share them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache

from auth_service.protocol.errors import SlowDownError
from auth_service.protocol.rate_limit import Limit, Scope, scopes_of
from auth_service.protocol.reasons import Reason
from auth_service.storage import keys
from shared.storage.interface import Store

UNKNOWN = "unknown"
"""The network of every request whose address cannot be determined."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Throttle:
    """Limits one kind of attempt per network.

    Args:
        kind: what is counted; attempts of different kinds do not count against each other.
    """

    def __init__(self, store: Store, kind: str, limit: Limit) -> None:
        self._store = store
        self._kind = kind
        self._limit = limit

    async def attempt(self, network: str, *, more: int = 0) -> None:
        """Count an attempt from `network`; for IPv6, also count it against its /56 and /48.

        A refused attempt is not counted, so retrying while waiting does not prolong the wait.

        Args:
            more: attempts that this network is allowed beyond the limit.

        Raises:
            SlowDownError: the limit is exceeded.
        """
        scopes = scopes_of(network)
        for position, scope in enumerate(scopes):
            wait_s = await self._count(scope, more)
            if wait_s:
                await self._uncount(scopes[:position])
                raise SlowDownError(Reason.RATE_LIMITED, self._limit.refusal, retry_after_s=wait_s)

    async def refund(self, network: str) -> None:
        """Take back an attempt that turned out to be legitimate."""
        await self._uncount(scopes_of(network))

    async def _count(self, scope: Scope, more: int) -> int:
        """Count an attempt; return the seconds to wait if the limit is exceeded, else 0."""
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
    """Return the network that a request comes from: one IPv4 address, or the /64 of an IPv6 address.

    A wider network would lock out neighbours; a narrower one would give one machine 2^64 attempts.

    Args:
        peer: the address at the other end of the connection.
        forwarded_for: the addresses reported by proxies, in order; only those from trusted proxies count.
    """
    hops = [*forwarded_for, *([peer] if peer else [])]
    while hops:
        address = _address(hops.pop())
        if address is None:
            break
        if not hops or not any(address in network for network in trusted):
            return _network(address)
    return UNKNOWN


@lru_cache(maxsize=1_024)
def network_of_address(peer: str | None) -> str:
    """Return the network of the address at the other end of a connection, as `network_of`; often the same."""
    address = _address(peer or "")
    return UNKNOWN if address is None else _network(address)


def is_trusted(peer: str | None, trusted: Sequence[Network]) -> bool:
    """Check whether `peer` is a proxy whose forwarding headers are trusted."""
    address = _address(peer or "")
    return address is None or any(address in network for network in trusted)


def _network(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    prefix = 32 if address.version == 4 else 64
    return str(ipaddress.ip_network((address, prefix), strict=False))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(_host(text))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _host(text: str) -> str:
    """Extract the address from a hop: proxies add the port, and then put an IPv6 address in brackets."""
    text = text.strip().strip('"')
    if text.startswith("["):
        return text[1:].partition("]")[0]
    # One colon separates a port; an IPv6 address has at least two.
    return text.partition(":")[0] if text.count(":") == 1 else text

"""How long networks have held slots recently, and which hosts have responded. Without a clock."""

from __future__ import annotations

from collections import OrderedDict

MAX_NETWORKS = 10_000
MAX_HOSTS = 1_000
FORGOTTEN_PER_S = 1 / 30
"""Seconds of use that are forgotten each second: a network that is served all the time stays a heavy user."""
QUICK_S = 1.0
"""A host that takes longer to respond has not proven itself."""


class RecentUse:
    """Seconds for which each network has held slots; the use is forgotten at a constant rate."""

    def __init__(self, *, at_most: int = MAX_NETWORKS) -> None:
        self._at_most = at_most
        self._used: OrderedDict[str | None, tuple[float, float]] = OrderedDict()

    def add(self, network: str | None, seconds: float, now: float) -> None:
        """Record for how long a network has held a slot."""
        self._used[network] = self.of(network, now) + seconds, now
        self._used.move_to_end(network)
        if len(self._used) > self._at_most:
            self._used.popitem(last=False)

    def of(self, network: str | None, now: float) -> float:
        """Return the use of a network that is not forgotten, in seconds."""
        used, at = self._used.get(network, (0.0, now))
        return max(0.0, used - (now - at) * FORGOTTEN_PER_S)


class ProvenHosts:
    """Hosts whose last response was complete, and quick."""

    def __init__(self, *, at_most: int = MAX_HOSTS) -> None:
        self._at_most = at_most
        self._hosts: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, host: str) -> bool:
        return host in self._hosts

    def note(self, host: str, took_s: float | None) -> None:
        """Record a request to a host: how long it took, or None if there was no response."""
        self._hosts.pop(host, None)
        if took_s is not None and took_s <= QUICK_S:
            self._hosts[host] = None
            if len(self._hosts) > self._at_most:
                self._hosts.popitem(last=False)

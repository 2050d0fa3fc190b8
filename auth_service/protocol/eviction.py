"""Which unused registrations are evicted for a new one: those of the network with the most (BOUND-3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

UNKNOWN_NETWORK = "unknown"


@dataclass(frozen=True, slots=True, order=True)
class UnusedClient:
    """A registration that was never granted anything.

    Attributes:
        created_at: seconds since 1970; 0 if unknown.
        network: the network that registered it.
    """

    created_at: int
    network: str
    client_id: str

    def text(self) -> str:
        """Format as one line of text that sorts by age."""
        return f"{self.created_at:010d} {self.network} {self.client_id}"

    @classmethod
    def parse(cls, text: str) -> UnusedClient:
        """Parse the result of `text`, or a bare client id, the format before networks were stored."""
        parts = text.split(" ", 2)
        if len(parts) != 3:
            return cls(0, UNKNOWN_NETWORK, text)
        return cls(int(parts[0]), parts[1], parts[2])

    @property
    def is_registered(self) -> bool:
        """Whether it registered here, and so counts among all clients; not one introduced by a document."""
        return "://" not in self.client_id


class Eviction(NamedTuple):
    """The registrations to remove.

    Attributes:
        candidates: in the order in which to try to remove them.
        removals: how many of them to remove.
    """

    candidates: Sequence[UnusedClient]
    removals: int


def eviction(
    unused: Sequence[UnusedClient], newcomer: str, used: Mapping[str, int], *, most: int
) -> Eviction:
    """Choose the registrations to remove so that `newcomer` may register one more.

    A network whose earlier registrations were used may hold more: hosted clients register for many people
    from few addresses. A network that holds none always gets room for one; otherwise networks that hold one
    each would shut registration for the next.

    Args:
        newcomer: the network that registers.
        used: the number of recently used registrations per network; absent for none.
        most: the maximum number of removals at once.

    Returns:
        the oldest first, of the network with the most for its weight; none if that is the newcomer.
    """
    held = Counter(client.network for client in unused)

    def load(network: str, more: int = 0) -> float:
        return (held[network] + more) / (1 + used.get(network, 0))

    if not held:
        return Eviction((), 0)
    heaviest = max(held, key=load)
    if heaviest == newcomer or (held[newcomer] and load(heaviest) <= load(newcomer, 1)):
        return Eviction((), 0)
    # Remove only until both hold the same.
    excess = int((load(heaviest) - load(newcomer, 1)) * (1 + used.get(heaviest, 0)))
    candidates = sorted(client for client in unused if client.network == heaviest)
    return Eviction(candidates, max(1, min(most, excess)))

"""Rate limits: so many attempts of one network in a window of time, then a wait."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

IPV6_FACTORS = {64: 1, 56: 4, 48: 16}
"""How many times the limit of one network each IPv6 prefix may use. A /64 is one link; sites are given a /56
or a /48 (RFC 6177 §2), so that one site could otherwise use the limit 65,536 times."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `attempts` within `window_s` seconds, counted from the first of them.

    Attributes:
        refusal: what is said about one more.
    """

    attempts: int
    window_s: int
    refusal: str = "too many attempts from your network; try again later"


@dataclass(frozen=True, slots=True)
class Scope:
    """A network whose attempts are counted together.

    Attributes:
        factor: how many times the limit of one network it may use.
    """

    network: str
    factor: int


def scopes_of(network: str) -> tuple[Scope, ...]:
    """All networks that an attempt from `network` counts against, the narrowest first.

    Args:
        network: one IPv4 address or an IPv6 /64, as `networks.network_of` gives it; any other text counts
            for itself alone.
    """
    try:
        parsed = ipaddress.ip_network(network)
    except ValueError:
        return (Scope(network, 1),)
    if parsed.prefixlen != 64:
        return (Scope(network, 1),)
    return tuple(
        Scope(str(parsed.supernet(new_prefix=prefix)), factor) for prefix, factor in IPV6_FACTORS.items()
    )

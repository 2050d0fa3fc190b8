"""Rate limits: a number of attempts per network in a window of time, then a wait."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import lru_cache

IPV6_FACTORS = {64: 1, 56: 4, 48: 16}
"""The multiple of one network's limit that each IPv6 prefix may use. A /64 is one link; sites are assigned a
/56 or a /48 (RFC 6177 §2), so that one site could otherwise use the limit 65,536 times."""

TOO_MANY_ATTEMPTS = "too many attempts from your network; try again later"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `attempts` within `window_s` seconds, starting with the first attempt.

    Attributes:
        refusal: the error message for further attempts.
    """

    attempts: int
    window_s: int
    refusal: str = TOO_MANY_ATTEMPTS


@dataclass(frozen=True, slots=True)
class Scope:
    """A network whose attempts are counted together.

    Attributes:
        factor: the multiple of one network's limit that it may use.
    """

    network: str
    factor: int


@lru_cache(maxsize=1_024)
def scopes_of(network: str) -> tuple[Scope, ...]:
    """Return all networks that an attempt from `network` counts against, narrowest first.

    Args:
        network: one IPv4 address or an IPv6 /64, as returned by `networks.network_of`; any other text counts
            only for itself.
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

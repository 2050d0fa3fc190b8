"""Where a request comes from, for the brakes; never for a URL (DESIGN D8)."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

from auth_service.identity.throttle import Network, network_of
from auth_service.outbound.turns import requesting_network
from shared.asgi import header_values


class Networks:
    """Knows which proxies to believe."""

    def __init__(self, trusted_proxies: Sequence[Network]) -> None:
        self._trusted = trusted_proxies

    def of(self, request: Request) -> str:
        """The network that `request` comes from; what is fetched for it counts against that from now on."""
        peer = request.client.host if request.client else None
        hops = [hop for value in header_values(request.scope, "x-forwarded-for") for hop in value.split(",")]
        network = network_of(peer, hops, self._trusted)
        requesting_network.set(network)
        return network

"""Where a request comes from, for the rate limits; never for a URL (DESIGN D8)."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

from auth_service.fetching.turns import requesting_network
from auth_service.rate_limits import Network, is_trusted, network_of
from shared.asgi import header_values
from shared.logs import get_logger
from shared.once import Once

_log = get_logger(__name__)


class ClientNetworks:
    """Knows which proxies to believe."""

    def __init__(self, trusted_proxies: Sequence[Network]) -> None:
        self._trusted = trusted_proxies
        self._untrusted = Once()

    def network_of(self, request: Request) -> str:
        """The network that `request` comes from; what is fetched for it counts against that from now on."""
        peer = request.client.host if request.client else None
        hops = [hop for value in header_values(request.scope, "x-forwarded-for") for hop in value.split(",")]
        if hops:
            self._warn_of_untrusted(peer)
        network = network_of(peer, hops, self._trusted)
        requesting_network.set(network)
        return network

    def _warn_of_untrusted(self, peer: str | None) -> None:
        # Once: anybody can send the header, and a log that anybody can fill is read by nobody.
        if is_trusted(peer, self._trusted) or not self._untrusted.first("X-Forwarded-For"):
            return
        _log.warning(
            "X-Forwarded-For is ignored",
            peer=peer,
            reason="it comes from an address that is not in DOORWARD_TRUSTED_PROXIES; if that is your proxy,"
            " all who come through it share one rate limit",
            remedy=f"set DOORWARD_TRUSTED_PROXIES={peer}, or the network that the proxy is in",
        )

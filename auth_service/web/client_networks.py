"""Determines the network of a request for the rate limits; never used for URLs (DESIGN D8)."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth_service.fetching.turns import requesting_network
from auth_service.protocol.forwarded import forwarded_hops, has_malformed_line, x_forwarded_for_hops
from auth_service.rate_limits import UNKNOWN, Network, is_trusted, network_of, network_of_address
from shared.asgi import header_values
from shared.logs import get_logger
from shared.once import Once

X_FORWARDED_FOR = "x-forwarded-for"
FORWARDED = "forwarded"
_PROXY_HEADERS = {X_FORWARDED_FOR.encode(), FORWARDED.encode()}
WHETHER_BELIEVED = b"doorward-forwarded"
"""Response header that says whether a proxy's report of the sender is trusted; read by `doorward doctor`."""

_log = get_logger(__name__)


class ClientNetworks:
    """Knows which proxies are trusted."""

    def __init__(self, trusted_proxies: Sequence[Network]) -> None:
        self._trusted = trusted_proxies
        self._warned = Once()

    def network_of(self, request: Request) -> str:
        """Return the network of `request`; documents fetched for the request count against it."""
        peer, reported = _peer(request.scope), _reported(request.scope)
        if reported:
            self._warn_of_untrusted(peer, next(iter(reported)))
            network = self._reported_network(request.scope, reported)
        else:
            network = network_of_address(peer)
        requesting_network.set(network)
        return network

    def sender_of(self, scope: Scope) -> str:
        """Return the network of a request, for the log."""
        reported = _reported(scope)
        return self._reported_network(scope, reported) if reported else network_of_address(_peer(scope))

    def believes(self, scope: Scope) -> bool | None:
        """Whether the reported sender is trusted; None if nothing is reported."""
        reported = _reported(scope)
        if not reported:
            return None
        return is_trusted(_peer(scope), self._trusted) and len(self._readings(scope, reported)) < 2

    def response_headers(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """Return the header that tells the sender of a POST request whether its proxy is trusted, if any."""
        believed = self.believes(scope) if scope["method"] == "POST" else None
        return [] if believed is None else [(WHETHER_BELIEVED, b"believed" if believed else b"ignored")]

    def _reported_network(self, scope: Scope, reported: dict[str, list[str]]) -> str:
        readings = self._readings(scope, reported)
        if len(readings) == 1:
            return readings.pop()
        # A proxy sets one of the two headers and passes the other on unchanged. It is unknown here which: a
        # client that sends both could otherwise choose its network.
        if readings:
            self._warn_of_contradiction(_peer(scope))
        return network_of_address(_peer(scope))

    def _readings(self, scope: Scope, reported: dict[str, list[str]]) -> set[str]:
        """Return the networks named by the headers; a header that names none contradicts nothing.

        A malformed one may contradict: a client can hide what its proxy appends to Forwarded behind an
        unclosed quote, and write an address of its choice into X-Forwarded-For.
        """
        readings = {network_of(_peer(scope), hops, self._trusted) for hops in reported.values()}
        if len(readings) > 1 and has_malformed_line(header_values(scope, FORWARDED)):
            return readings
        return readings - {UNKNOWN} or readings

    def _warn_of_untrusted(self, peer: str | None, header: str) -> None:
        # Only once: anybody can send the header, and must not be able to fill the log.
        if is_trusted(peer, self._trusted) or not self._warned.first("untrusted"):
            return
        name = "X-Forwarded-For" if header == X_FORWARDED_FOR else "Forwarded"
        _log.warning(
            f"{name} is ignored",
            peer=peer,
            reason="it comes from an address that is not in DOORWARD_TRUSTED_PROXIES; if that is your proxy,"
            " all its clients share one rate limit",
            remedy=f"set DOORWARD_TRUSTED_PROXIES={peer}, or the network that the proxy is in",
        )

    def _warn_of_contradiction(self, peer: str | None) -> None:
        if self._warned.first("contradiction"):
            _log.warning(
                "X-Forwarded-For and Forwarded name different addresses",
                peer=peer,
                reason="one of them was written by the client; such requests count against the proxy",
                remedy="let the proxy remove the one of the two headers that it does not write",
            )


class TellWhetherBelieved:
    """Adds `WHETHER_BELIEVED` to responses to POST, which are not cached, if a proxy reported a sender."""

    def __init__(self, app: ASGIApp, networks: ClientNetworks) -> None:
        self.app = app
        self._networks = networks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        more = self._networks.response_headers(scope) if scope["type"] == "http" else []
        if not more:
            await self.app(scope, receive, send)
            return

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *more]}
            await send(message)

        await self.app(scope, receive, telling)


def _peer(scope: Scope) -> str | None:
    client = scope.get("client")
    return client[0] if client else None


def _reported(scope: Scope) -> dict[str, list[str]]:
    """Return the hops named in each proxy header, by header."""
    if not any(name in _PROXY_HEADERS for name, _ in scope["headers"]):
        return {}
    hops = {
        X_FORWARDED_FOR: x_forwarded_for_hops(header_values(scope, X_FORWARDED_FOR)),
        FORWARDED: forwarded_hops(header_values(scope, FORWARDED)),
    }
    return {header: named for header, named in hops.items() if named}

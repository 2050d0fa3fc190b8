"""The connections to an upstream that speaks HTTP."""

from __future__ import annotations

import socket

import httpx2

from shared.http_exchange import http_client

KEPT_ALIVE_S = 3.0
"""Less than the five seconds after which servers commonly close an idle connection: a request that is sent at
that moment is lost, and cannot be retried, since it may have been executed."""

TCP_KEEP_ALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), seconds)
        for name, seconds in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))
        if hasattr(socket, name)  # not every system has them
    ),
]


def upstream_client(
    *, connect_timeout_s: float, silence_s: float, max_connections: int
) -> httpx2.AsyncClient:
    """A connection pool to one upstream.

    The duration of a call is unlimited; only silence is limited, since clients can hang up. TCP keep-alive
    detects an upstream whose machine has vanished.

    Args:
        connect_timeout_s: to connect, to send a request, and to wait for a free connection.
        silence_s: between two chunks of a response, and before the first.
        max_connections: the maximum number of open connections.
    """
    timeout = httpx2.Timeout(connect_timeout_s, read=silence_s)
    limits = httpx2.Limits(
        max_connections=max_connections, max_keepalive_connections=100, keepalive_expiry=KEPT_ALIVE_S
    )
    # Certificates from the environment are trusted, but its proxies are not used.
    transport = httpx2.AsyncHTTPTransport(limits=limits, socket_options=TCP_KEEP_ALIVE, trust_env=True)
    return http_client(timeout=timeout, transport=transport)

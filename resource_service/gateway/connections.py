"""The connections to an upstream that speaks HTTP."""

from __future__ import annotations

import socket

import httpx2

from shared.http_exchange import http_client

KEPT_ALIVE_S = 3.0
"""Less than the five seconds after which servers commonly close an idle connection: a request that is sent
just as they do so is lost, and cannot be sent again, since it may have been run."""

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

    There is no bound on how long a call may take, only on silence: a client that has had enough hangs up. An
    upstream whose machine has vanished is noticed by TCP keep-alive.

    Args:
        connect_timeout_s: to connect, to send a request, and to wait for a free connection.
        silence_s: between two chunks of an answer, and before the first.
        max_connections: open at once.
    """
    timeout = httpx2.Timeout(connect_timeout_s, read=silence_s)
    limits = httpx2.Limits(
        max_connections=max_connections, max_keepalive_connections=100, keepalive_expiry=KEPT_ALIVE_S
    )
    # The environment may name certificates to trust, but no proxy to go through.
    transport = httpx2.AsyncHTTPTransport(limits=limits, socket_options=TCP_KEEP_ALIVE, trust_env=True)
    return http_client(timeout=timeout, transport=transport)

"""TCP connections to a name with several addresses (RFC 8305)."""

from __future__ import annotations

import asyncio
import socket

import aiohappyeyeballs

ATTEMPT_DELAY_S = 0.25
"""RFC 8305 §5: how long an address has before the next one is tried beside it."""

KEEP_ALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), seconds)
        for name, seconds in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))
        if hasattr(socket, name)  # not every system has them
    ),
]
"""TCP keep-alive, which detects a server whose machine has vanished."""


async def connected_socket(host: str, port: int) -> socket.socket:
    """Return a socket that is connected to `host`, a name or an address.

    Raises:
        OSError: no address of `host` can be connected to, or it has none.
        UnicodeError: `host` is not a valid name.
    """
    loop = asyncio.get_running_loop()
    addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    connected = await aiohappyeyeballs.start_connection(
        addresses, happy_eyeballs_delay=ATTEMPT_DELAY_S, interleave=1, loop=loop
    )
    for option in KEEP_ALIVE:
        connected.setsockopt(*option)
    return connected

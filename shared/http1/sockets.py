"""TCP connections to a name with several addresses (RFC 8305), and connections on this machine."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

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


async def connected_unix_socket(path: str, is_trusted: Callable[[int], bool]) -> socket.socket:
    """Return a socket that is connected to the Unix socket at `path`.

    Args:
        is_trusted: whether a process may listen there.

    Raises:
        OSError: nothing listens there, or an untrusted process.
    """
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connected.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connected, path)
        if hasattr(socket, "SO_PEERCRED") and not is_trusted(_listener_of(connected)):
            raise ConnectionRefusedError("another process listens there")
    except BaseException:
        connected.close()
        raise
    return connected


def _listener_of(connected: socket.socket) -> int:
    """Return the id of the process at the other end (unix(7))."""
    credentials = struct.Struct("3i")
    process_id: int = credentials.unpack(
        connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
    )[0]
    return process_id

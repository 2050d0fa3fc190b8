"""Resolves names to addresses with the system's resolver."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from auth_service.protocol.special_addresses import Address

THREADS = 64
"""Idle threads cost nothing. `fair_resolver` limits each network to a few of them."""


class Resolver(Protocol):
    """Resolves a host to addresses."""

    async def __call__(self, host: str, port: int) -> list[Address]:
        """Return every address of `host`, in the order in which to try them.

        Raises:
            OSError: the host has no addresses, or they cannot be determined.
        """
        ...


class SystemResolver:
    """Runs getaddrinfo on dedicated threads.

    A name server may be slow to answer for a name that a stranger chose. On the shared threads of the event
    loop, that would block this server's own look-ups, such as that of the store.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="resolver")

    async def __call__(self, host: str, port: int) -> list[Address]:
        results = await asyncio.get_running_loop().run_in_executor(
            # As bytes: the name is used unchanged, not encoded again (RFC 5891).
            self._threads,
            lambda: socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM),
        )
        return [ipaddress.ip_address(str(address[0])) for *_, address in results]

    def close(self) -> None:
        """Release the threads as soon as their current look-ups end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

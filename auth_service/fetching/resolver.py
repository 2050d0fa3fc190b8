"""Names to addresses, by the system's resolver."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from auth_service.protocol.special_addresses import Address

THREADS = 64
"""Idle ones cost nothing. `fair_resolver` sees to it that no network has more than a few of them."""


class Resolver(Protocol):
    """Turns a host into addresses."""

    async def __call__(self, host: str, port: int) -> list[Address]:
        """Every address of `host`, in the order in which they are to be tried.

        Raises:
            OSError: it has none, or they cannot be found out.
        """
        ...


class SystemResolver:
    """getaddrinfo, on threads of its own.

    A name server may take its time over a name that a stranger chose. On the event loop's shared threads that
    would keep this server from looking up names of its own, the store's among them.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="resolver")

    async def __call__(self, host: str, port: int) -> list[Address]:
        results = await asyncio.get_running_loop().run_in_executor(
            # As bytes: a name is taken as it is, not encoded again (RFC 5891).
            self._threads,
            lambda: socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM),
        )
        return [ipaddress.ip_address(str(address[0])) for *_, address in results]

    def close(self) -> None:
        """Let go of the threads, as soon as they are done with what they are at."""
        self._threads.shutdown(wait=False, cancel_futures=True)

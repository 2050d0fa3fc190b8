"""Restricts connections to addresses that were checked."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack

import httpcore2

from auth_service.fetching.errors import unreachable
from auth_service.fetching.resolver import Resolver
from auth_service.protocol.special_addresses import Address, special_use
from shared.uris import LOOPBACK_HOSTS

MOST_ADDRESSES = 4

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Resolves a name itself, checks all its addresses, and connects to one of them.

    The check and the connection use the same resolver result, so a name that resolves differently in between
    (DNS rebinding) has no effect.

    Args:
        connections: makes a connection to an address.
        resolve: finds the addresses of a host.
        opened: closes every connection when it is exited. httpcore drops a connection without closing it if
            a timeout cancels its handshake.
        loopback: whether connections to this machine are allowed.
        networks: private networks that are allowed nevertheless.
        attempt_s: the limit in seconds for each of several addresses.
    """

    def __init__(
        self,
        connections: httpcore2.AsyncNetworkBackend,
        resolve: Resolver,
        opened: AsyncExitStack,
        *,
        loopback: bool,
        networks: Sequence[Network],
        attempt_s: float,
    ) -> None:
        self._connections = connections
        self._resolve = resolve
        self._opened = opened
        self._loopback = loopback
        self._networks = networks
        self._attempt_s = attempt_s

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- required by the interface
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to `host`.

        Raises:
            FetchError: none of its addresses accepts a connection, or one of them is forbidden.
        """
        failure: Exception | None = None
        for address in await self._checked_addresses(host, port):
            try:
                stream = await self._connections.connect_tcp(str(address), port, timeout=self._attempt_s)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
                continue
            self._opened.push_async_callback(stream.aclose)
            _check_peer(stream, address, port)
            return stream
        raise unreachable(f"{host} does not answer on port {port}: {failure}")

    async def _checked_addresses(self, host: str, port: int) -> list[Address]:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise unreachable(f"{host} has no address: {error}") from error
        for address in addresses:
            # One forbidden address forbids the name: its owner must not get a random choice.
            self._check(host, address)
        return addresses[:MOST_ADDRESSES]

    def _check(self, host: str, address: Address) -> None:
        if self._loopback and address.is_loopback:
            return
        if host in LOOPBACK_HOSTS:
            raise unreachable(f"{host} is {address}, which is not this machine")
        inside = any(address in network for network in self._networks)
        if not inside and (use := special_use(address)):
            raise unreachable(f"{host} is {address}, a reserved address: {use}")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 -- required by the interface
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Refuse to connect.

        Raises:
            FetchError: always.
        """
        raise unreachable("a Unix socket is not on the Internet")


def _check_peer(stream: httpcore2.AsyncNetworkStream, address: Address, port: int) -> None:
    host, connected_port = stream.get_extra_info("server_addr")[:2]
    if (ipaddress.ip_address(host), connected_port) != (address, port):
        raise unreachable(f"connected to {host} port {connected_port} instead of {address} port {port}")

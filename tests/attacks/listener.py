"""A listener that stands for every server that must not be reached.

Wherever a connection is made to, it is made to the listener, which notes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from typing import Any

import httpcore2
import pytest

from auth_service.fetching import Fetcher, FetchError, Limits
from tests.certificates import Authority
from tests.sites import HERE, HOST, Names, Site, document, site

PUBLIC = IPv4Address("93.184.215.14")

FORBIDDEN = (
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.255.255.254"),
    *("169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.254", "192.168.1.1"),
    *("192.0.0.1", "192.0.0.192", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.175.48.1"),
    *("198.18.0.1", "198.19.255.254", "198.51.100.1", "203.0.113.1", "100.100.100.200", "168.63.129.16"),
    *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "febf::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "100::1"),
    *("2001:db8::1", "3fff::1", "2001::1", "2001:2::1", "2001:10::1", "2620:4f:8000::1", "5f00::1"),
    # An IPv4 address in each of the forms that IPv6 has for one.
    *("::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:93.184.215.14", "::127.0.0.1", "::ffff:0:127.0.0.1"),
    *("64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::5db8:d70e"),
    *("2002:7f00:1::", "2002:a00:1::1", "2002:5db8:d70e::1", "2001:0:5db8:d70e::1"),
)


@contextmanager
def listening(authority: Authority) -> Iterator[Site]:
    """A site that would answer under any name."""
    with site(authority.certifying(HOST, "localhost", "127.0.0.1", "::1")) as running:
        running.answers["/"] = document({"secret": "of the network"})
        yield running


class EverywhereIs(httpcore2.AsyncNetworkBackend):
    """Connects to one listener, whatever address it is told.

    Args:
        lie: say that the other side is who was asked for.
    """

    def __init__(self, listener: Site, *, lie: bool = False) -> None:
        self._listener = listener
        self._lie = lie
        self.told: list[tuple[str, int]] = []
        self._tcp = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self, host: str, port: int, *_: object, **__: object
    ) -> httpcore2.AsyncNetworkStream:
        self.told.append((host, port))
        stream = await self._tcp.connect_tcp(str(HERE), self._listener.port)
        return Posing(stream, (host, port)) if self._lie else stream


class Posing(httpcore2.AsyncNetworkStream):
    """A connection that says it leads somewhere else."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream, peer: tuple[str, int]) -> None:
        self._stream = stream
        self._peer = peer

    def get_extra_info(self, info: str) -> Any:
        return self._peer if info == "server_addr" else self._stream.get_extra_info(info)

    async def start_tls(self, *arguments: Any, **named: Any) -> httpcore2.AsyncNetworkStream:
        return await self._stream.start_tls(*arguments, **named)

    async def aclose(self) -> None:
        await self._stream.aclose()


def fetcher_to(
    listener: Site, authority: Authority, names: Names, *, lie: bool = True, loopback: bool = False
) -> Fetcher:
    """A fetcher for which every address there is leads to `listener`."""
    return Fetcher(
        loopback=loopback,
        limits=Limits(total_s=10),
        ssl_context=authority.trusting(),
        resolve=names,
        connections=EverywhereIs(listener, lie=lie),
    )


async def refuse(fetcher: Fetcher, url: str) -> FetchError:
    """How `fetcher` refuses `url`; its last deed."""
    try:
        with pytest.raises(FetchError) as caught:
            await fetcher.get(url, max_bytes=5_120)
        return caught.value
    finally:
        fetcher.close()

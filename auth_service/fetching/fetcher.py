"""One request, one bounded answer."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cached_property

import httpcore2
import httpx2

from auth_service.fetching.answer import Fetched, read_answer
from auth_service.fetching.errors import FetchError, unreachable
from auth_service.fetching.fair_resolver import FairResolver
from auth_service.fetching.guarded_backend import GuardedBackend, Network
from auth_service.fetching.resolver import Resolver, SystemResolver
from auth_service.fetching.turns import Turns
from auth_service.protocol.web_addresses import WebAddress, parse_web_address

MAX_JSON_BYTES = 65_536

_HEADERS = {"Accept-Encoding": "identity", "Connection": "close", "User-Agent": "doorward"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may cost, and how many there may be.

    Attributes:
        total_s: seconds from the call to the last byte, waiting for a turn included.
        attempt_s: seconds to connect to one address.
        at_once: requests under way at the same time.
        per_network: of them, those made for one network.
        per_host: of them, those to one host.
    """

    total_s: float = 5
    attempt_s: float = 2
    at_once: int = 64
    per_network: int = 8
    per_host: int = 8


@dataclass(frozen=True, slots=True)
class Exchange:
    """A method, and the statuses that count as an answer to it."""

    method: str
    statuses: tuple[int, ...] = (200,)


class Fetcher:
    """Sends requests to URLs that strangers chose; the package's docstring says what it promises.

    Args:
        loopback: whether this machine may be asked, also by http.
        networks: not public, but asked all the same, by https and by name.
        ssl_context: what certificates are verified against; the system's authorities where left out.
        resolve: the system's resolver where left out.
        connections: what connects to an address; TCP where left out.
    """

    def __init__(
        self,
        *,
        loopback: bool = False,
        networks: Sequence[Network] = (),
        limits: Limits | None = None,
        ssl_context: ssl.SSLContext | None = None,
        resolve: Resolver | None = None,
        connections: httpcore2.AsyncNetworkBackend | None = None,
    ) -> None:
        self._loopback = loopback
        self._networks = networks
        self._limits = limits or Limits()
        self._given_ssl_context = ssl_context
        self._system = SystemResolver()
        self._given_resolve = resolve
        self._resolve = FairResolver(resolve or self._system)
        self._connections = connections or httpcore2.AnyIOBackend()
        self._turns = Turns(self._limits.at_once, self._limits.per_network, self._limits.per_host)

    def apart(self) -> Fetcher:
        """Another one like this, with turns and threads of its own: for the URLs of the operator."""
        return Fetcher(
            loopback=self._loopback,
            networks=self._networks,
            limits=self._limits,
            ssl_context=self._given_ssl_context,
            resolve=self._given_resolve,
            connections=self._connections,
        )

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        accept: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Fetched:
        """What is at `url`.

        Args:
            max_bytes: of the body; more is an error, not a truncation.
            headers: beside the usual ones.

        Raises:
            FetchError: nothing usable is, or it may not be asked for.
        """
        sent = {"Accept": accept, **(headers or {})}
        return await self._send(Exchange("GET"), url=url, headers=sent, body=None, max_bytes=max_bytes)

    async def fetch_json(self, url: str, *, max_bytes: int = MAX_JSON_BYTES) -> object:
        """The JSON document at `url`.

        Raises:
            FetchError: there is none, or it may not be fetched.
        """
        return (await self.get(url, max_bytes=max_bytes)).json()

    async def post(
        self,
        url: str,
        body: bytes,
        content_type: str,
        *,
        max_bytes: int = 4_096,
        headers: Mapping[str, str] | None = None,
        statuses: tuple[int, ...] = (200, 204),
    ) -> Fetched:
        """Tell `url` something, and hear what it says.

        Args:
            headers: beside the usual ones.
            statuses: those of an answer.

        Raises:
            FetchError: it was not told, did not answer with one of `statuses`, or said too much.
        """
        sent = {"Content-Type": content_type, **(headers or {})}
        return await self._send(
            Exchange("POST", statuses), url=url, headers=sent, body=body, max_bytes=max_bytes
        )

    def close(self) -> None:
        """Let go of what is held between requests."""
        self._system.close()

    @cached_property
    def _ssl_context(self) -> ssl.SSLContext:
        return self._given_ssl_context or httpx2.create_ssl_context()

    async def _send(
        self, exchange: Exchange, *, url: str, headers: dict[str, str], body: bytes | None, max_bytes: int
    ) -> Fetched:
        address = self._parse(url)
        request = {"Host": address.authority, **_HEADERS, **headers}
        try:
            async with asyncio.timeout(self._limits.total_s), self._turns.taken(address.host):
                return await self._exchange(
                    exchange, address=address, headers=request, body=body, max_bytes=max_bytes
                )
        except TimeoutError as error:
            raise FetchError(
                "its server takes too long", detail=f"{url}: time is up", passing=True
            ) from error
        except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise unreachable(f"{url}: {error!r}") from error

    def _parse(self, url: str) -> WebAddress:
        try:
            return parse_web_address(url, loopback=self._loopback)
        except ValueError as error:
            raise FetchError(str(error)) from error

    async def _exchange(
        self,
        exchange: Exchange,
        *,
        address: WebAddress,
        headers: dict[str, str],
        body: bytes | None,
        max_bytes: int,
    ) -> Fetched:
        url = httpcore2.URL(
            scheme=address.scheme, host=address.host, port=address.port, target=address.target
        )
        sent = list(headers.items())
        async with AsyncExitStack() as opened:
            connection = httpcore2.AsyncHTTPConnection(
                url.origin, ssl_context=self._ssl_context, network_backend=self._guarded(opened)
            )
            method = exchange.method
            async with connection, connection.stream(method, url, headers=sent, content=body) as response:
                return await read_answer(response, exchange.statuses, max_bytes)

    def _guarded(self, opened: AsyncExitStack) -> GuardedBackend:
        return GuardedBackend(
            self._connections,
            self._resolve,
            opened,
            loopback=self._loopback,
            networks=self._networks,
            attempt_s=self._limits.attempt_s,
        )

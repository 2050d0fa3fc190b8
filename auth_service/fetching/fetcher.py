"""Sends one request and reads one bounded response."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cached_property

import httpcore2
import httpx2

from auth_service.fetching.answer import Fetched, read_answer
from auth_service.fetching.errors import FetchError, no_slot, unreachable
from auth_service.fetching.fair_resolver import FairResolver
from auth_service.fetching.guarded_backend import GuardedBackend, Network
from auth_service.fetching.resolver import Resolver, SystemResolver
from auth_service.fetching.turns import Bounds, Turns
from auth_service.protocol.web_addresses import WebAddress, parse_web_address
from shared.clock import steady_clock

MAX_JSON_BYTES = 65_536

_HEADERS = {"Accept-Encoding": "identity", "Connection": "close", "User-Agent": "doorward"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The cost limits of one request, and the concurrency limits.

    Attributes:
        wait_s: seconds to wait for a slot.
        total_s: seconds from then on to the last byte.
        attempt_s: seconds to connect to one address.
        at_once: concurrent requests in total.
        per_network: concurrent requests made for one network, while enough slots are free.
        per_host: concurrent requests to one host.
    """

    wait_s: float = 5
    total_s: float = 5
    attempt_s: float = 2
    at_once: int = 64
    per_network: int = 8
    per_host: int = 8

    @property
    def bounds(self) -> Bounds:
        """The concurrency limits; requests of unknown networks share half of the total."""
        return Bounds(self.at_once, max(1, self.at_once // 2), self.per_network, self.per_host)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A method, and the statuses that count as a response to it."""

    method: str
    statuses: tuple[int, ...] = (200,)


class Fetcher:
    """Sends requests to URLs that strangers chose; the package docstring lists the guarantees.

    Args:
        loopback: whether requests to this machine are allowed, also over http.
        networks: private networks that are allowed nevertheless, by https and by name.
        ssl_context: verifies certificates; by default with the system's authorities.
        resolve: the resolver; by default the system's.
        connections: the network backend that connects to an address; TCP by default.
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
        self._turns = Turns(self._limits.bounds, little_s=self._limits.total_s / 2)

    def apart(self) -> Fetcher:
        """Return a fetcher with the same settings but its own slots and threads, for URLs of the operator."""
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
        statuses: tuple[int, ...] = (200,),
    ) -> Fetched:
        """Fetch `url`.

        Args:
            max_bytes: the limit for the body; a larger one is an error, not truncated.
            headers: in addition to the usual ones.
            statuses: the acceptable statuses.

        Raises:
            FetchError: the URL is not allowed, or gave no usable response.
        """
        sent = {"Accept": accept, **(headers or {})}
        exchange = Exchange("GET", statuses)
        return await self._send(exchange, url=url, headers=sent, body=None, max_bytes=max_bytes)

    async def fetch_json(self, url: str, *, max_bytes: int = MAX_JSON_BYTES) -> object:
        """Fetch the JSON document at `url`.

        Raises:
            FetchError: the request failed, or the URL is not allowed.
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
        """Send `body` to `url` and return the response.

        Args:
            headers: in addition to the usual ones.
            statuses: the acceptable statuses.

        Raises:
            FetchError: the request was not sent, its status is not in `statuses`, or its body is too large.
        """
        sent = {"Content-Type": content_type, **(headers or {})}
        return await self._send(
            Exchange("POST", statuses), url=url, headers=sent, body=body, max_bytes=max_bytes
        )

    def close(self) -> None:
        """Release the resources held between requests."""
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
            async with self._slot(address), asyncio.timeout(self._limits.total_s):
                began = steady_clock()
                fetched = await self._exchange(
                    exchange, address=address, headers=request, body=body, max_bytes=max_bytes
                )
                self._turns.proven.note(address.host, steady_clock() - began)
                return fetched
        except TimeoutError as error:
            self._turns.proven.note(address.host, None)
            raise FetchError(
                "its server did not respond in time", detail=f"{url}: time is up", passing=True
            ) from error
        except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            self._turns.proven.note(address.host, None)
            raise unreachable(f"{url}: {error!r}") from error

    @asynccontextmanager
    async def _slot(self, address: WebAddress) -> AsyncIterator[None]:
        async with AsyncExitStack() as slot:
            try:
                await slot.enter_async_context(self._turns.taken(address.host, self._limits.wait_s))
            except TimeoutError as error:
                raise no_slot(address.host) from error
            yield

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

"""The doctor's HTTP client: limited in time and size, without redirects, every exchange recorded."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from functools import cache
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Self

import httpx2

from shared.cli.doctor.exchange import Answer, Exchange, Request, Trouble
from shared.cli.doctor.urls import is_secure, is_web_url, reach
from shared.clock import Clock, system_clock
from shared.http_exchange import no_cookies
from shared.idle_connections import CLIENT_S
from shared.version import VERSION

Fetch = Callable[[Request], Awaitable[Exchange]]

MAX_BODY_BYTES = 1 << 20
# X.509 verification results of OpenSSL (x509_vfy.h).
_CERTIFICATE = {
    9: Trouble.CERTIFICATE_EARLY,
    10: Trouble.CERTIFICATE_EXPIRED,
    62: Trouble.CERTIFICATE_NAME,
    64: Trouble.CERTIFICATE_NAME,
}


class Fetcher:
    """Sends requests and records the exchanges.

    Args:
        timeout_s: for one exchange, from the connection to the last byte.
        ca_file: CA certificates to trust in addition to those of the system.
        use_proxy: whether to use the proxy from the environment.
        keep_cookies: whether to store cookies, as a browser does and an MCP client does not.
    """

    def __init__(
        self,
        *,
        timeout_s: float,
        ca_file: Path | None = None,
        use_proxy: bool = True,
        keep_cookies: bool = False,
        clock: Clock = system_clock,
    ) -> None:
        self._timeout_s = timeout_s
        self._clock = clock
        self._http = httpx2.AsyncClient(
            verify=_tls(ca_file),
            trust_env=use_proxy,
            timeout=None,
            limits=httpx2.Limits(keepalive_expiry=CLIENT_S),
            cookies=None if keep_cookies else no_cookies(),
            headers={"User-Agent": f"doorward-doctor/{VERSION}", "Accept-Encoding": "identity"},
        )
        self.exchanges: list[Exchange] = []

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def __call__(self, request: Request) -> Exchange:
        """Send a request and return the exchange; never raise for errors of a server or a network."""
        started = perf_counter()
        answer, trouble, detail = None, None, ""
        try:
            answer = await self._answer(request)
        except TimeoutError:
            trouble = Trouble.TIMEOUT
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, UnicodeError) as error:
            trouble, detail = Trouble.NOT_A_URL, str(error)
        except (httpx2.HTTPError, OSError, ValueError) as error:
            trouble, detail = _trouble(error)
        exchange = Exchange(
            request=request, answer=answer, trouble=trouble, detail=detail, seconds=perf_counter() - started
        )
        self.exchanges.append(exchange)
        return exchange

    async def _answer(self, request: Request) -> Answer:
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        built = self._http.build_request(
            request.method, request.url, headers=dict(request.headers), content=request.body or None
        )
        async with asyncio.timeout_at(deadline):
            response = await self._http.send(built, stream=True, follow_redirects=False)
        received_at = self._clock()
        try:
            body, cut = await _read(response, request, deadline)
        finally:
            await response.aclose()
        return Answer(
            status=response.status_code,
            headers=tuple((name.lower(), value) for name, value in response.headers.multi_items()),
            body=body,
            cut=cut,
            received_at=received_at,
            certificate_ends_at=_certificate_end(response),
        )


async def _read(response: httpx2.Response, request: Request, deadline: float) -> tuple[bytes, bool]:
    """Return the body, and whether it was cut off for its length or its slowness."""
    body = bytearray()
    if request.enough is not None and request.enough(b""):
        return b"", False
    try:
        async with asyncio.timeout_at(deadline):
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    return bytes(body[:MAX_BODY_BYTES]), True
                if request.enough is not None and request.enough(bytes(body)):
                    return bytes(body), False
    except (TimeoutError, httpx2.HTTPError):
        return bytes(body), True
    return bytes(body), False


def guarded(fetch: Fetch, mcp_url: str) -> Fetch:
    """Wrap `fetch` for URLs that servers name: refuse URLs in a more private network than the server's own.

    A public server that names a host in a private network is either misconfigured or malicious.
    """
    home, secure = reach(mcp_url), mcp_url.startswith("https://")

    async def ask(request: Request) -> Exchange:
        if not is_web_url(request.url):
            return Exchange(request=request, answer=None, trouble=Trouble.NOT_A_URL)
        if reach(request.url) < home:
            return Exchange(request=request, answer=None, trouble=Trouble.OUT_OF_REACH)
        if secure and not is_secure(request.url):
            return Exchange(request=request, answer=None, trouble=Trouble.INSECURE)
        return await fetch(request)

    return ask


@cache
def _tls(ca_file: Path | None) -> ssl.SSLContext:
    context = httpx2.create_ssl_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


def _certificate_end(response: httpx2.Response) -> float | None:
    stream = response.extensions.get("network_stream")
    tls = stream.get_extra_info("ssl_object") if stream is not None else None
    certificate = tls.getpeercert() if tls is not None else None
    return float(ssl.cert_time_to_seconds(certificate["notAfter"])) if certificate else None


def _trouble(error: Exception) -> tuple[Trouble, str]:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _CERTIFICATE.get(cause.verify_code, Trouble.CERTIFICATE_UNTRUSTED), cause.verify_message
        if isinstance(cause, ssl.SSLError):
            return Trouble.TLS, cause.reason or str(cause)
        if isinstance(cause, socket.gaierror):
            return Trouble.NAME, cause.strerror or ""
        if isinstance(cause, OSError) and cause.errno == errno.ECONNREFUSED:
            return Trouble.REFUSED, ""
    connecting = isinstance(error, httpx2.ConnectError | OSError)
    return (Trouble.UNREACHABLE if connecting else Trouble.PROTOCOL), str(error)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and its causes, through chains and groups."""
    following: BaseException | None = error
    while following is not None:
        yield following
        if isinstance(following, BaseExceptionGroup):
            for member in following.exceptions:
                yield from _causes(member)
        following = following.__cause__ or following.__context__

"""Requests to other servers: an HTTP client without cookies, and exchanges limited in time and size."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import ssl
from collections.abc import AsyncIterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import quote_plus

import httpx2

from shared.idle_connections import CLIENT_S

_is_own_request: ContextVar[bool] = ContextVar("doorward_is_own_request", default=False)


class NoAnswerError(Exception):
    """The response is missing or too large. The message says why, for the log."""


class TooLargeError(NoAnswerError):
    """The body is larger than the limit."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"the answer is larger than {max_bytes} bytes")


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete response.

    Attributes:
        headers: names in lower case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters; empty if it is missing."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def no_cookies() -> CookieJar:
    """Return a jar that stays empty: no cookie may be sent with the request of another user."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


def http_client(
    *,
    timeout: httpx2.Timeout | float | None,
    max_connections: int | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
    user_agent: str | None = None,
) -> httpx2.AsyncClient:
    """Return a client that stores no cookies, follows no redirects, and ignores proxy environment variables.

    It trusts the certificates that the environment names (``SSL_CERT_FILE``, ``SSL_CERT_DIR``).

    Args:
        timeout: of each step, in seconds. max_connections: open at once; ignored if `transport` is given.
    """
    limits = httpx2.Limits(
        max_connections=max_connections, max_keepalive_connections=max_connections, keepalive_expiry=CLIENT_S
    )
    logging.getLogger("httpx2").addFilter(_is_request_of_others)
    return httpx2.AsyncClient(
        verify=trusted_certificates(),
        headers={"User-Agent": user_agent} if user_agent else None,
        timeout=timeout,
        limits=limits,
        transport=transport,
        cookies=no_cookies(),
        trust_env=False,
        follow_redirects=False,
    )


def _is_request_of_others(_record: logging.LogRecord) -> bool:
    """Keep the client's line about a request of this project out of the log of a program that uses it.

    The feed of revocations alone sends one every few seconds.
    """
    return not _is_own_request.get()


def trusted_certificates() -> ssl.SSLContext:
    """Return the certificates that all clients of this process trust: those that the environment names.

    They are read once: that takes 20 to 60 ms and 1 MB, and a service has up to six clients.
    """
    return _certificates(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _certificates(file: str | None, directory: str | None) -> ssl.SSLContext:
    return httpx2.create_ssl_context(trust_env=bool(file or directory))


def basic_authorization(user: str, password: str) -> str:
    """Return the value of an ``Authorization`` header with a client's id and secret."""
    # RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
    pair = f"{quote_plus(user)}:{quote_plus(password)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


async def read_at_most(chunks: AsyncIterable[bytes], max_bytes: int) -> bytes:
    """Join `chunks`.

    Raises:
        TooLargeError: the chunks have more than `max_bytes`.
    """
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > max_bytes:
            raise TooLargeError(max_bytes)
    return bytes(body)


async def exchange(
    http: httpx2.AsyncClient,
    request: httpx2.Request,
    *,
    timeout_s: float,
    max_bytes: int,
    repeatable: bool = False,
) -> Answer:
    """Send a request and read the response.

    Args:
        timeout_s: for the whole exchange, including a retry.
        max_bytes: of the response body.
        repeatable: whether the request may be sent again if the connection breaks.

    Raises:
        NoAnswerError: no response arrives within these limits.
    """
    # Without compression, the limit on bytes read also limits memory.
    request.headers["Accept-Encoding"] = "identity"
    try:
        async with asyncio.timeout(timeout_s):
            try:
                return await _sent(http, request, max_bytes)
            except (httpx2.NetworkError, httpx2.RemoteProtocolError):
                if not repeatable:
                    raise
                # A kept-alive connection that the peer closes while we write to it fails like this, once.
                return await _sent(http, request, max_bytes)
    except TimeoutError as error:
        raise NoAnswerError(f"no answer within {timeout_s} s") from error
    except httpx2.HTTPError as error:
        raise NoAnswerError(f"{type(error).__name__}: {error}") from error


async def _sent(http: httpx2.AsyncClient, request: httpx2.Request, max_bytes: int) -> Answer:
    outside = _is_own_request.set(True)
    try:
        response = await http.send(request, stream=True)
    finally:
        _is_own_request.reset(outside)
    try:
        body = await read_at_most(response.aiter_raw(), max_bytes)
    finally:
        await response.aclose()
    return Answer(response.status_code, response.headers, body)

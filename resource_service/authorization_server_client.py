"""Talking to the authorization server: a pool of connections, and one exchange within bounds."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import quote_plus

import httpx2

from shared.asgi.other_hosts import INTERNAL_AGENT
from shared.asgi.request_id import HEADER as REQUEST_ID
from shared.asgi.request_id import is_request_id


class NoAnswerError(Exception):
    """There is no answer, or one that is larger than any should be. The message says why, for the log."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the authorization server said.

    Attributes:
        content_type: the media type in lower case, without parameters; empty where it is not said.
        request_id: under which its log explains the answer; empty where it is not said.
    """

    status: int
    content_type: str
    body: bytes
    request_id: str = ""


def http_client(*, timeout_s: float, max_connections: int) -> httpx2.AsyncClient:
    """A connection pool of our own.

    The environment's proxies are left out: what is sent holds credentials, and goes to one known address. No
    cookie is kept: one that came with the answer to somebody's request must not go with somebody else's.
    """
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    limits = httpx2.Limits(max_connections=max_connections, max_keepalive_connections=max_connections)
    return httpx2.AsyncClient(
        headers={"User-Agent": INTERNAL_AGENT},
        timeout=timeout_s,
        limits=limits,
        cookies=no_cookies,
        trust_env=False,
        follow_redirects=False,
    )


def basic_authorization(user: str, password: str) -> str:
    """The value of an ``Authorization`` header with a client's id and secret."""
    # RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
    pair = f"{quote_plus(user)}:{quote_plus(password)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


async def exchange(
    http: httpx2.AsyncClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    content: bytes = b"",
    timeout_s: float,
    max_bytes: int,
) -> Answer:
    """Send a request that may be repeated, and read its answer.

    Args:
        timeout_s: for all of it, a retry included.
        max_bytes: of the answer's body.

    Raises:
        NoAnswerError: there is none within these bounds.
    """
    # Not compressed: a bound on bytes read is then a bound on memory.
    request = http.build_request(
        method, url, headers={**headers, "Accept-Encoding": "identity"}, content=content
    )
    try:
        async with asyncio.timeout(timeout_s):
            try:
                return await _sent(http, request, max_bytes)
            except (httpx2.NetworkError, httpx2.RemoteProtocolError):
                # A kept connection that the other side closes as we write to it fails like this, once.
                return await _sent(http, request, max_bytes)
    except TimeoutError as error:
        raise NoAnswerError(f"no answer within {timeout_s} s") from error
    except httpx2.HTTPError as error:
        raise NoAnswerError(f"{type(error).__name__}: {error}") from error


async def _sent(http: httpx2.AsyncClient, request: httpx2.Request, max_bytes: int) -> Answer:
    response = await http.send(request, stream=True)
    try:
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > max_bytes:
                raise NoAnswerError(f"the answer is larger than {max_bytes} bytes")
    finally:
        await response.aclose()
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Answer(response.status_code, content_type, bytes(body), request_id_of(response))


def request_id_of(response: httpx2.Response) -> str:
    """The id that the authorization server has given to a request; empty for what is none."""
    said = response.headers.get(REQUEST_ID, "")
    return said if is_request_id(said) else ""

"""Asking the authorization server about a token (RFC 7662), and telling "no" from "don't know"."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import quote_plus

import httpx2

from shared.introspection import ActiveToken, MalformedAnswerError
from shared.logs import get_logger

Introspect = Callable[[str], Awaitable[ActiveToken | None]]
"""Token in, what it stands for out; None for one that is not active. Raises `IntrospectionUnavailableError`.

This is the seam: `IntrospectionClient.ask` is one, `SingleFlight` over it another, and a cache, which may
only serve while revocations arrive, goes between the two and the guard.
"""

MAX_ANSWER_BYTES = 65_536

_log = get_logger(__name__)


class IntrospectionUnavailableError(Exception):
    """There is no answer from which anything follows about the token. The message says why, for the log."""


def http_client(*, timeout_s: float, max_connections: int) -> httpx2.AsyncClient:
    """A connection pool of our own.

    The environment's proxies are left out: what is sent holds credentials, and goes to one known address. No
    cookie is kept: one that came with the answer to somebody's request must not go with somebody else's.
    """
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    limits = httpx2.Limits(max_connections=max_connections, max_keepalive_connections=max_connections)
    return httpx2.AsyncClient(
        timeout=timeout_s, limits=limits, cookies=no_cookies, trust_env=False, follow_redirects=False
    )


@dataclass(frozen=True, slots=True)
class IntrospectionClient:
    """Puts one question to the introspection endpoint at a time it is asked; keeps nothing.

    Attributes:
        resource_server_id: the user name of HTTP Basic authentication, `secret` its password.
        timeout_s: for the whole question, its retry included.
    """

    http: httpx2.AsyncClient
    endpoint: str
    resource_server_id: str
    secret: str
    timeout_s: float

    async def ask(self, token: str) -> ActiveToken | None:
        """What `token` stands for; None if it is not active.

        Raises:
            IntrospectionUnavailableError: no answer, or none that RFC 7662 §2.2 allows.
        """
        try:
            async with asyncio.timeout(self.timeout_s):
                status, body = await self._post_retrying(token)
        except TimeoutError as error:
            raise IntrospectionUnavailableError(f"no answer within {self.timeout_s} s") from error
        except httpx2.HTTPError as error:
            raise IntrospectionUnavailableError(f"{type(error).__name__}: {error}") from error
        return _read(status, body)

    async def _post_retrying(self, token: str) -> tuple[int, bytes]:
        try:
            return await self._post(token)
        except (httpx2.NetworkError, httpx2.RemoteProtocolError):
            # A kept connection that the other side closes as we write to it fails like this, once.
            return await self._post(token)

    async def _post(self, token: str) -> tuple[int, bytes]:
        form = {"token": token, "token_type_hint": "access_token"}
        async with self.http.stream("POST", self.endpoint, data=form, headers=self._headers()) as response:
            return response.status_code, await _bounded(response)

    def _headers(self) -> dict[str, str]:
        # RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
        pair = f"{quote_plus(self.resource_server_id)}:{quote_plus(self.secret)}"
        return {
            "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # a bound on bytes read is then a bound on memory
        }


async def _bounded(response: httpx2.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise IntrospectionUnavailableError(f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
    return bytes(body)


def _read(status: int, body: bytes) -> ActiveToken | None:
    if status in (401, 403):
        _log.error("the authorization server refuses the credentials of this resource server", status=status)
        raise IntrospectionUnavailableError("our own credentials were refused")
    if status != 200:
        raise IntrospectionUnavailableError(f"status {status}")
    try:
        return ActiveToken.from_wire(json.loads(body))
    except (ValueError, RecursionError) as error:
        kind = "malformed" if isinstance(error, MalformedAnswerError) else "not JSON"
        raise IntrospectionUnavailableError(f"the answer is {kind}: {error}") from error

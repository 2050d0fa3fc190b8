"""The client for the authorization server: its connections, the requests it forwards, and its metadata."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx2
from starlette.types import Scope

from resource_service.errors import cannot_ask
from resource_service.reasons import Reason
from resource_service.settings import ResourceSettings
from shared import http_exchange
from shared.asgi import header_values
from shared.asgi.other_hosts import INTERNAL_AGENT
from shared.asgi.request_id import HEADER as REQUEST_ID
from shared.asgi.request_id import is_request_id
from shared.clock import Clock
from shared.http_exchange import Answer, NoAnswerError, basic_authorization, exchange
from shared.json_text import parse_json
from shared.pinned_definitions import DEFINITIONS_PATH
from shared.well_known import AUTHORIZATION_SERVER

METADATA_KEPT_S = 60
MAX_BYTES = 65_536
MAX_APPROVALS_BYTES = 1_048_576
PASSED_ON = ("content-type", "authorization", "accept", "user-agent", "dpop")

Headers = list[tuple[str, str]]
"""Bytes beyond ASCII are in values as characters of Latin-1, as in `header_values`."""


def http_client(*, timeout_s: float, max_connections: int) -> httpx2.AsyncClient:
    """Create a connection pool that ignores the proxies of the environment.

    Requests contain credentials and go to one known address.
    """
    return http_exchange.http_client(
        timeout=timeout_s, max_connections=max_connections, user_agent=INTERNAL_AGENT
    )


def own_authorization(settings: ResourceSettings) -> str:
    """Return the value of the ``Authorization`` header with which this service authenticates itself."""
    return basic_authorization(settings.resource_server_id, settings.resource_secret.get_secret_value())


def request_id_of(answer: Answer) -> str:
    """Return the request id under which the server logged the response; empty if missing or invalid."""
    request_id: str = answer.headers.get(REQUEST_ID.lower(), "")
    return request_id if is_request_id(request_id) else ""


class AuthorizationServerClient:
    """Forwards requests to the authorization server, and keeps its metadata.

    Args:
        http: used until the context `run` ends.
    """

    def __init__(self, http: httpx2.AsyncClient, settings: ResourceSettings, clock: Clock) -> None:
        self._http = http
        self._base = settings.authorization_server_url
        self._issuer = settings.issuer
        self._timeout_s = settings.introspection_timeout_s
        self._clock = clock
        self._authorization = own_authorization(settings)
        self._kept: tuple[float, bytes] | None = None

    def run(self) -> AbstractAsyncContextManager[object]:
        """Return the context in which the client can be used; enter it once."""
        return self._http

    async def pass_on(self, path: str, scope: Scope, body: bytes) -> Answer:
        """Forward a POST to `path` and return the response.

        Raises:
            Refusal: the server sends no response, or one that exceeds the limits.
        """
        # Duplicate headers are forwarded as duplicates: the authorization server decides what to do with
        # them.
        headers = [(name, value) for name in PASSED_ON for value in header_values(scope, name)]
        return await self._exchange("POST", path, [*headers, *_forwarded(scope)], body)

    async def report_definitions(self, body: bytes) -> Answer:
        """Report pinned definitions and return the answer.

        Raises:
            Refusal: there is no answer.
        """
        headers = [("authorization", self._authorization), ("content-type", "application/json")]
        return await self._exchange("POST", DEFINITIONS_PATH, headers, body, max_bytes=MAX_APPROVALS_BYTES)

    async def metadata(self) -> bytes:
        """Return the RFC 8414 document unchanged, at most `METADATA_KEPT_S` old.

        Raises:
            Refusal: the document is unavailable, or another issuer's.
        """
        now = self._clock()
        if self._kept is None or not 0 <= now - self._kept[0] < METADATA_KEPT_S:
            answer = await self._exchange("GET", AUTHORIZATION_SERVER, [("accept", "application/json")], b"")
            self._kept = (now, self._checked(answer))
        return self._kept[1]

    async def _exchange(
        self, method: str, path: str, headers: Headers, body: bytes, *, max_bytes: int = MAX_BYTES
    ) -> Answer:
        fields = [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers]
        request = self._http.build_request(method, f"{self._base}{path}", headers=fields, content=body)
        try:
            return await exchange(self._http, request, timeout_s=self._timeout_s, max_bytes=max_bytes)
        except NoAnswerError as error:
            raise cannot_ask(Reason.AUTHORIZATION_SERVER_UNREACHABLE, f"{path}: {error}") from error

    def _checked(self, answer: Answer) -> bytes:
        try:
            document: Any = parse_json(answer.body) if answer.status == 200 else {"issuer": None}
            issuer = document["issuer"]
        except (ValueError, TypeError, KeyError) as error:
            raise cannot_ask(
                Reason.AUTHORIZATION_SERVER_MISMATCH, f"{AUTHORIZATION_SERVER}: not a metadata document"
            ) from error
        if issuer != self._issuer:
            raise cannot_ask(
                Reason.AUTHORIZATION_SERVER_MISMATCH,
                f"{AUTHORIZATION_SERVER}: status {answer.status}, issuer {issuer!r}",
            )
        return answer.body


def _forwarded(scope: Scope) -> Headers:
    """Return headers with the client's address, so that rate limits apply to clients, not to this service.

    This requires that the authorization server trusts this service. The header that the proxy in front wrote
    is used: the other one would name the proxy instead of the client.
    """
    peer = [scope["client"][0]] if scope.get("client") else []
    older, standard = header_values(scope, "x-forwarded-for"), header_values(scope, "forwarded")
    headers: Headers = []
    if (older or not standard) and (hops := [*older, *peer]):
        headers.append(("x-forwarded-for", ", ".join(hops)))
    if standard:
        # RFC 7239 §6: an IPv6 address is in brackets, and then quoted.
        nodes = (f'for="[{host}]"' if ":" in host else f"for={host}" for host in peer)
        # On a line of its own: an unclosed quote of the client must not swallow it.
        headers += [("forwarded", line) for line in (*standard, *nodes)]
    return headers

"""An upstream that speaks Streamable HTTP: a reverse proxy that knows of MCP what it must, and no more.

Bytes are passed on as they come, in both directions, and no faster than they are taken: a slow client slows
the upstream down and costs no memory. Whoever hangs up first ends the exchange for the other as well.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass

import anyio
import httpx2
from starlette.types import Receive, Scope, Send

from resource_service.errors import Refusal
from resource_service.gateway.concurrency_limit import ConcurrencyLimit
from resource_service.gateway.disconnect import cancelled_on_disconnect
from resource_service.gateway.errors import (
    failed,
    malformed_request,
    method_not_allowed,
    no_such_session,
    silent,
    too_busy,
    unreachable,
)
from resource_service.gateway.identity import Identity
from resource_service.gateway.sessions import SessionOwners
from resource_service.messages.forwarded_headers import to_client, to_upstream
from resource_service.principal import Principal, principal_in
from resource_service.targets import HttpTarget
from shared.asgi import header_values, read_body
from shared.logs import current_request_id, get_logger

SESSION_HEADER = "mcp-session-id"
EVENT_STREAM = "text/event-stream"
METHODS = frozenset({"GET", "POST", "DELETE"})
CLOSE_WITHIN_S = 5.0

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HttpGateway:
    """The upstream as an ASGI app, for requests that have passed the guard.

    Attributes:
        http: keeps no cookies, follows no redirects; its timeouts are the policy.
        authorization: the upstream's own credential, if it wants one.
        max_body_bytes: of one MCP message; the guard has bounded it already.
        headers: names of request headers that pass beside the usual ones.
    """

    http: httpx2.AsyncClient
    target: HttpTarget
    authorization: str | None
    identity: Identity
    sessions: SessionOwners
    share: ConcurrencyLimit
    max_body_bytes: int
    headers: tuple[str, ...] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry the request to the upstream and the answer back.

        Raises:
            Refusal: nothing has been sent yet, and nothing of the upstream's will be.
        """
        if scope["method"] not in METHODS:
            raise method_not_allowed(scope["method"])
        principal = principal_in(scope)
        session_id = _session_id(scope)
        with self.share.slot(principal), self._session(session_id, principal):
            request = await self._request(scope, receive, principal)
            async with cancelled_on_disconnect(receive), self._answered(request) as response:
                self._check(response)
                self._note_session(request.method, session_id, response, principal)
                await _pass_on(response, send)

    def _session(self, session_id: str | None, principal: Principal) -> AbstractContextManager[None]:
        if session_id is None:
            return nullcontext()
        if not self.sessions.owned(session_id, principal):
            raise no_such_session(f"{session_id[:64]!r} is not a session of {principal.owner}")
        return self.sessions.in_use(session_id)

    async def _request(self, scope: Scope, receive: Receive, principal: Principal) -> httpx2.Request:
        body = None
        if scope["method"] == "POST":
            body = await read_body(scope, receive, max_body_bytes=self.max_body_bytes)
        fields = [*to_upstream(scope["headers"], self.headers), *self.identity.fields(principal)]
        if body is not None:
            fields.append((b"content-type", b"application/json"))
        fields.append((b"x-request-id", current_request_id.get().encode()))
        if self.authorization is not None:
            fields.append((b"authorization", self.authorization.encode()))
        try:
            return httpx2.Request(scope["method"], self._url(scope), headers=fields, content=body)
        except httpx2.InvalidURL as error:
            raise malformed_request(400, "The query cannot be passed on.") from error

    def _url(self, scope: Scope) -> str:
        """The upstream's URL. What its query says is settled; where it has none, the client's passes."""
        query = scope.get("query_string", b"").decode("latin-1")
        return f"{self.target.url}?{query}" if query and "?" not in self.target.url else self.target.url

    @asynccontextmanager
    async def _answered(self, request: httpx2.Request) -> AsyncIterator[httpx2.Response]:
        try:
            response = await self.http.send(request, stream=True, auth=None)
        except httpx2.LocalProtocolError as error:
            raise malformed_request(400, "A header holds what no header may hold.") from error
        except httpx2.HTTPError as error:
            raise self._failure(error) from error
        try:
            yield response
        finally:
            with anyio.move_on_after(CLOSE_WITHIN_S, shield=True):
                await response.aclose()

    def _failure(self, error: Exception) -> Refusal:
        detail = f"{self.target.shown}: {type(error).__name__} {error}"
        match error:
            case httpx2.PoolTimeout():
                return too_busy(detail)
            case httpx2.ConnectError() | httpx2.ConnectTimeout():
                return unreachable(detail)
            case httpx2.TimeoutException():
                return silent(detail)
            case _:
                return failed(detail)

    def _check(self, response: httpx2.Response) -> None:
        """Keep to ourselves what is between us and the upstream.

        A 401 is about the upstream's credential; a client would throw away its token for it. A redirect names
        an address that clients may not know of, and might send their tokens to.
        """
        status = response.status_code
        if status in (401, 407):
            raise failed(f"{self.target.shown}: refuses our credentials with {status}")
        if not (200 <= status < 300 or 400 <= status < 600):
            location = response.headers.get("location", "nowhere")
            raise failed(f"{self.target.shown}: answers {status}, to {location}")

    def _note_session(
        self, method: str, session_id: str | None, response: httpx2.Response, principal: Principal
    ) -> None:
        named = response.headers.get(SESSION_HEADER)
        ended = response.status_code == 404 or (method == "DELETE" and response.is_success)
        if session_id is not None and ended:
            self.sessions.forget(session_id)
        elif response.is_success and named and not self.sessions.bind(named, principal):
            raise failed(f"{self.target.shown}: gives one session to two principals")


def _session_id(scope: Scope) -> str | None:
    named = header_values(scope, SESSION_HEADER)
    if len(named) > 1:
        raise malformed_request(400, "There is more than one Mcp-Session-Id header.")
    return named[0] if named else None


async def _pass_on(response: httpx2.Response, send: Send) -> None:
    fields = to_client(response.headers.raw)
    streaming = response.headers.get("content-type", "").lower().startswith(EVENT_STREAM)
    if streaming and "x-accel-buffering" not in response.headers:
        fields.append((b"x-accel-buffering", b"no"))  # a proxy in front of us must not hold events back
    await send({"type": "http.response.start", "status": response.status_code, "headers": fields})
    if await _pass_on_body(response, send) or streaming:
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _pass_on_body(response: httpx2.Response, send: Send) -> bool:
    """Pass the body on; False if it broke off.

    An event stream may end anywhere: a client that misses an answer resumes it. Half of anything else is left
    unfinished, so that nobody takes it for the whole.
    """
    try:
        async for chunk in response.aiter_raw():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except httpx2.HTTPError as error:
        _log.warning("the upstream broke off", error=f"{type(error).__name__} {error}")
        return False
    return True

"""A reverse proxy to an upstream that speaks Streamable HTTP, with as little knowledge of MCP as possible.

Streams are forwarded as they arrive, at the client's pace: a slow client slows the upstream down and uses no
memory. When either side hangs up, the exchange ends for the other as well.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial

from starlette.types import Receive, Scope, Send

from resource_service.connected_accounts.request_account import account_in
from resource_service.gateway.concurrency_limit import ConcurrencyLimit, common_slot
from resource_service.gateway.disconnect import CancelledOnDisconnect
from resource_service.gateway.errors import (
    failed,
    malformed_request,
    method_not_allowed,
    no_such_session,
)
from resource_service.gateway.http_reply import HttpReply
from resource_service.gateway.identity import Identity
from resource_service.gateway.injection import answer_with_account
from resource_service.gateway.large_answers import LargeAnswers
from resource_service.gateway.sessions import SessionOwners
from resource_service.gateway.upstream import Upstream
from resource_service.limits.person_slots import PersonSlots
from resource_service.messages.forwarded_headers import to_upstream
from resource_service.messages.key_header import BEARER, KeyHeader
from resource_service.messages.media_type import body_in
from resource_service.messages.request_ids import noted_request_ids
from resource_service.principal import Principal, principal_in
from resource_service.reasons import Reason
from shared.asgi import read_body
from shared.asgi.repeated_fields import RawFields, derived
from shared.http1 import Fields, Request, Response
from shared.logs import current_request_id

SESSION_HEADER = b"mcp-session-id"
METHODS = frozenset({"GET", "POST", "DELETE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpGateway:
    """The upstream as an ASGI app, for requests that have passed the guard.

    Attributes:
        authorization: the upstream's own credential, if it requires one; not with connected accounts.
        share: the exchanges of each person in this process.
        common_share: those in all processes of the service; None if they share no store.
        large_answers: room for unusually large JSON answers.
        max_body_bytes: of one MCP message; the guard has already enforced it.
        max_answer_bytes: of one JSON answer.
        headers: names of additional request headers to forward.
        key_header: of the API keys of connected accounts.
    """

    upstream: Upstream
    authorization: str | None
    identity: Identity
    sessions: SessionOwners
    share: ConcurrencyLimit
    common_share: PersonSlots | None
    large_answers: LargeAnswers
    max_body_bytes: int
    max_answer_bytes: int
    headers: tuple[str, ...] = ()
    key_header: KeyHeader = BEARER
    _forwarded: Callable[[RawFields], Fields] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_forwarded", partial(to_upstream, also=self.headers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward the request to the upstream, and its response to the client.

        Raises:
            Refusal: nothing of the upstream's response has been sent, nor will be.
        """
        if scope["method"] not in METHODS:
            raise method_not_allowed(scope["method"])
        principal = principal_in(scope)
        session_id = _session_id(scope)
        with self.share.slot(principal), self._session(session_id, principal):
            async with self._common_slot(principal):
                request = await self._request(scope, receive, principal)
                with CancelledOnDisconnect(receive):
                    await self._exchange(request, scope, send, session_id=session_id)

    def _common_slot(self, principal: Principal) -> AbstractAsyncContextManager[None]:
        return nullcontext() if self.common_share is None else common_slot(self.common_share, principal)

    async def _exchange(self, request: Request, scope: Scope, send: Send, *, session_id: str | None) -> None:
        principal, room = principal_in(scope), _Room(self.large_answers)
        account = account_in(scope)
        if account is None:
            response = await self.upstream.answer_to(request)
        else:
            response = await answer_with_account(self.upstream, request, account, self.key_header)
        try:
            reply = HttpReply(
                upstream=self.upstream,
                response=response,
                request_ids=noted_request_ids(scope),
                max_answer_bytes=self.max_answer_bytes,
                make_room=lambda: room.reserve(principal),
            )
            await reply.begin()
            self._note_session(scope["method"], session_id, response, principal)
            await reply.pass_on(send)
        finally:
            response.close()
            await room.give_back()

    def _session(self, session_id: str | None, principal: Principal) -> AbstractContextManager[None]:
        if session_id is None:
            return nullcontext()
        if not self.sessions.owned(session_id, principal):
            raise no_such_session(f"{session_id[:64]!r} is not a session of {principal.owner}")
        return self.sessions.in_use(session_id)

    async def _request(self, scope: Scope, receive: Receive, principal: Principal) -> Request:
        body = None
        if scope["method"] == "POST":
            body = body_in(scope)
            if body is None:
                body = await read_body(scope, receive, max_body_bytes=self.max_body_bytes)
        fields: Fields = [*derived(scope["headers"], self._forwarded), *self.identity.fields(principal)]
        if body is not None:
            fields.append((b"content-type", b"application/json"))
        fields.append((b"x-request-id", current_request_id.get().encode()))
        if self.authorization is not None:
            fields.append((b"authorization", self.authorization.encode()))
        fields.append((b"host", self.upstream.target.authority.encode()))
        return Request(scope["method"].encode("ascii"), self._target(scope), fields, body)

    def _target(self, scope: Scope) -> bytes:
        """Return the upstream's path, with its configured query or else the client's."""
        query, path = scope.get("query_string", b""), self.upstream.path
        return b"%b?%b" % (path, query) if query and b"?" not in path else path

    def _note_session(
        self, method: str, session_id: str | None, response: Response, principal: Principal
    ) -> None:
        named, is_success = response.header(SESSION_HEADER), 200 <= response.status < 300
        ended = response.status == 404 or (method == "DELETE" and is_success)
        if session_id is not None and ended:
            self.sessions.forget(session_id)
        elif is_success and named and not self.sessions.bind(named, principal):
            raise failed(
                Reason.UPSTREAM_SESSION_SHARED,
                f"{self.upstream.target.log_name}: issued one session id to two principals",
            )


class _Room:
    """Room for the answer, in case it is large."""

    __slots__ = ("_large_answers", "_reserved")

    def __init__(self, large_answers: LargeAnswers) -> None:
        self._large_answers = large_answers
        self._reserved: AbstractAsyncContextManager[None] | None = None

    async def reserve(self, principal: Principal) -> None:
        reserved = self._large_answers.room(principal)
        await reserved.__aenter__()
        self._reserved = reserved

    async def give_back(self) -> None:
        if self._reserved is not None:
            await self._reserved.__aexit__(None, None, None)


def _session_id(scope: Scope) -> str | None:
    named = derived(scope["headers"], _session_ids)
    if len(named) > 1:
        raise malformed_request(Reason.SESSION_HEADER_INVALID, 400, "The Mcp-Session-Id header is repeated.")
    return named[0] if named else None


def _session_ids(fields: RawFields) -> list[str]:
    return [value.decode("latin-1") for name, value in fields if name == SESSION_HEADER]

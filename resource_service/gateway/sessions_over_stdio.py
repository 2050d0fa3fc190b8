"""MCP sessions (2025-11-25 and before) with a process for each: messages pass unchanged."""

from __future__ import annotations

import re
import secrets
from collections.abc import Hashable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from resource_service.gateway import messages
from resource_service.gateway.errors import malformed_request, no_such_session
from resource_service.gateway.event_log import Reading, Stream
from resource_service.gateway.messages import Json
from resource_service.gateway.pool import ProcessPool
from resource_service.gateway.process import ServerProcess
from resource_service.gateway.process_account import runs_with_key_of
from resource_service.gateway.reply import Reply
from resource_service.gateway.stdio_connection import Pending, StdioConnection
from resource_service.principal import Principal, PrincipalKey
from resource_service.reasons import Reason
from shared.asgi import header_values
from shared.logs import get_logger

SESSION_HEADER = "Mcp-Session-Id"
PRIMED_SINCE = "2025-11-25"

_NUMBER = re.compile(r"[0-9]{1,18}\Z")

_log = get_logger(__name__)


class Session(StdioConnection):
    """A session and its process. The client's own ids identify its requests, since it is the only client."""

    def __init__(self, process: ServerProcess, owner: PrincipalKey) -> None:
        self.id = secrets.token_hex(16)
        super().__init__(process, owner)
        self.standing = self.event_log.open("g")

    async def ask(self, message: Json, body: bytes) -> Pending:
        """Send a request to the server.

        Raises:
            Refusal: the server has exited, or the id is that of a request still in progress.
        """
        key = messages.id_key(message["id"])
        if key in self.pending:
            raise malformed_request(
                Reason.REQUEST_ID_IN_USE, 400, ("A request with this id is already in progress.")
            )
        return await self._ask(key, body, message)

    async def _route(self, message: Json) -> None:
        line = messages.write_line(message)  # not the original line, which a client may parse differently
        if messages.kind_of(message) != "response":
            await self.event_log.put(self._stream_for(message), line)
        elif pending := self.pending.pop(messages.id_key(message["id"]), None):
            self._over.append(messages.id_key(message["id"]))
            await self.event_log.put(pending.stream, line, last=True)
        else:
            _log.info("MCP server sent a response without a request", pid=self.process.pid)
            self._misaddressed(message)

    async def cancel(self, message: Json, body: bytes) -> None:
        """Forward a cancellation to the server; the id of the call becomes free."""
        await self.notify(body)
        match message:
            case {"params": {"requestId": request_id}} if messages.is_id(request_id):
                keys = [key for key in (messages.id_key(request_id),) if key in self.pending]
                self.fail(keys, Reason.REQUEST_CANCELLED, "The client has cancelled the request.")

    def _key_of(self, answered: messages.RequestId | None) -> Hashable:
        return None if answered is None else messages.id_key(answered)

    def _stream_for(self, message: Json) -> Stream:
        """Return the stream for a request or notification of the server.

        Over stdio only a progress notification names its request. Any other message is most likely about the
        latest request; if no client waits for one, it goes to the session's standing stream.
        """
        if (of := self._reported_on(message)) is not None:
            return of.stream
        awaited = [pending.stream for pending in self.pending.values() if pending.stream.turn is not None]
        return awaited[-1] if awaited else self.standing

    def _reported_on(self, message: Json) -> Pending | None:
        match message:
            case {"method": "notifications/progress", "params": {"progressToken": token}}:
                pending = (item for item in self.pending.values() if item.progress_token == token)
                return next(pending, None)
            case _:
                return None


class StdioSessions:
    """An ASGI app behind the guard for all sessions of one command."""

    def __init__(self, pool: ProcessPool) -> None:
        self._pool = pool
        self._sessions: dict[str, Session] = {}

    async def post(
        self, scope: Scope, *, receive: Receive, send: Send, principal: Principal, message: Json, body: bytes
    ) -> None:
        """Accept a message, and answer it if it is a request.

        Raises:
            Refusal: the message is not accepted.
        """
        kind = messages.kind_of(message)
        named = _session_id(scope)
        if named is None and (kind != "request" or message["method"] != "initialize"):
            raise malformed_request(Reason.SESSION_HEADER_INVALID, 400, "There is no Mcp-Session-Id header.")
        if named is None:
            await self._initialize(
                scope, receive=receive, send=send, principal=principal, message=message, body=body
            )
            return
        session = self._session(scope, principal)
        if kind == "request":
            await self._answer(scope, receive=receive, send=send, session=session, message=message, body=body)
        else:
            cancels = message.get("method") == "notifications/cancelled"
            await (session.cancel(message, body) if cancels else session.notify(body))
            await Response(status_code=202)(scope, receive, send)

    async def listen(self, scope: Scope, receive: Receive, send: Send, principal: Principal) -> None:
        """Send the messages that answer no request, or resume the stream that the client names.

        Raises:
            Refusal: the session does not exist, or its events are no longer retained.
        """
        session = self._session(scope, principal)
        last_event_id = next(iter(header_values(scope, "last-event-id")), None)
        stream, after = (
            (session.standing, session.standing.taken)
            if last_event_id is None
            else _place(session, last_event_id)
        )
        reply = Reply(
            connection=session,
            reading=Reading(stream, after=after),
            headers=_headers(session),
            primed=_is_primed(scope),
        )
        await reply.deliver(scope, receive, send)

    async def close_session(self, scope: Scope, receive: Receive, send: Send, principal: Principal) -> None:
        """End a session at the client's request.

        Raises:
            Refusal: the session does not exist.
        """
        session = self._session(scope, principal)
        del self._sessions[session.id]
        await session.close()
        await Response(status_code=204)(scope, receive, send)

    def _session(self, scope: Scope, principal: Principal) -> Session:
        session_id = _session_id(scope)
        if session_id is None:
            raise malformed_request(Reason.SESSION_HEADER_INVALID, 400, "There is no Mcp-Session-Id header.")
        session = self._sessions.get(session_id)
        if session is None or session.ended or session.owner != principal.key:
            raise no_such_session(f"{session_id[:64]!r} is not a session of {principal.owner}")
        if not runs_with_key_of(session, scope):
            raise no_such_session("it has ended with the API key of its process")
        self._pool.renew(session, scope)
        return session

    async def _initialize(
        self, scope: Scope, *, receive: Receive, send: Send, principal: Principal, message: Json, body: bytes
    ) -> None:
        session = await self._pool.start(scope, Session)
        self._sessions[session.id] = session
        session.on_end.append(lambda: self._forget(session))
        _log.info("session opened", pid=session.process.pid, client_id=principal.client_id)
        answered = False
        try:
            answered = await self._answer(
                scope, receive=receive, send=send, session=session, message=message, body=body
            )
        finally:
            if not answered:  # the client does not know the session id, so it cannot end the session
                self._forget(session)
                await session.close()

    async def _answer(
        self, scope: Scope, *, receive: Receive, send: Send, session: Session, message: Json, body: bytes
    ) -> bool:
        pending = await session.ask(message, body)
        reading = Reading(pending.stream, after=0)
        reply = Reply(
            connection=session,
            reading=reading,
            headers=_headers(session),
            may_be_json=True,
            primed=_is_primed(scope),
        )
        return await reply.deliver(scope, receive, send)

    def _forget(self, session: Session) -> None:
        self._sessions.pop(session.id, None)


def _place(session: Session, last_event_id: str) -> tuple[Stream, int]:
    """Return the stream and the number of an event id."""
    name, _, number = last_event_id.partition(".")
    stream = session.event_log.stream(name)
    if stream is None or not _NUMBER.match(number) or int(number) < stream.lost:
        raise malformed_request(
            Reason.EVENTS_NOT_KEPT, 400, ("The events after this one are no longer stored.")
        )
    return stream, int(number)


def _session_id(scope: Scope) -> str | None:
    named = header_values(scope, SESSION_HEADER.lower())
    if len(named) > 1:
        raise malformed_request(Reason.SESSION_HEADER_INVALID, 400, "The Mcp-Session-Id header is repeated.")
    return named[0] if named else None


def _headers(session: Session) -> dict[str, str]:
    return {SESSION_HEADER.lower(): session.id}


def _is_primed(scope: Scope) -> bool:
    # Revisions are dates: later ones compare greater.
    return next(iter(header_values(scope, "mcp-protocol-version")), "") >= PRIMED_SINCE

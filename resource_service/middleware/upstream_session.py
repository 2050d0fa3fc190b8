"""Opens a session of the upstream for a client that opened one with this service.

The upstream gets the client's own `initialize`, so it learns what the client can do. Its session id stays
here: the client keeps the id that it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resource_service.connected_accounts.client_sessions import ClientSession, ClientSessions
from resource_service.gateway.errors import failed, no_such_session
from resource_service.messages.capabilities import check_capabilities
from resource_service.messages.exact_json import dumps
from resource_service.messages.jsonrpc import object_in
from resource_service.messages.mcp_parameters import PARAM
from resource_service.messages.media_type import described_as_json
from resource_service.messages.request_ids import note_request_ids
from resource_service.middleware.captured_answer import AnswerTooLargeError, CapturedAnswer
from resource_service.principal import Principal
from resource_service.reasons import Reason
from shared.asgi import replay

HEADER = b"mcp-session-id"
MAX_ANSWER_BYTES = 1_048_576
OPENED_WITHIN_S = 30.0
_ID = "doorward-initialize"
_NOT_OURS = frozenset(
    {
        HEADER,
        b"mcp-method",
        b"mcp-name",
        b"mcp-protocol-version",
        b"accept",
        b"accept-encoding",
        b"last-event-id",
    }
)


async def open_session(session: ClientSession, app: ASGIApp, scope: Scope) -> None:
    """Open the session of the upstream, unless it is open.

    Args:
        app: the upstream.
        scope: that of a request of the client.

    Raises:
        Refusal: the upstream does not open one, or not in the revision that the client was told.
    """
    async with session.opening:
        if session.is_open:
            return
        try:
            with anyio.fail_after(OPENED_WITHIN_S):
                session.upstream_id, session.offered = await _initialized(session, app, scope)
        except (TimeoutError, AnswerTooLargeError) as error:
            raise failed(Reason.UPSTREAM_ANSWER_UNREADABLE, f"initialize: {error}") from error
        session.is_open = True


def in_session(session: ClientSession, scope: Scope) -> Scope:
    """Return the request with the session id of the upstream."""
    others = [field for field in scope["headers"] if field[0] != HEADER]
    named = [] if session.upstream_id is None else [(HEADER, session.upstream_id)]
    return {**scope, "headers": [*others, *named]}


def keeping_id(send: Send) -> Send:
    """Return a `send` without the session ids of the upstream: the client has another one."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            others = [field for field in message["headers"] if field[0].lower() != HEADER]
            message = {**message, "headers": others}
        await send(message)

    return sent


async def _initialized(
    session: ClientSession, app: ASGIApp, scope: Scope
) -> tuple[bytes | None, Mapping[str, Any]]:
    answer = await _post(app, scope, {"id": _ID, "method": "initialize", "params": session.params})
    match answer.message:
        case {"result": {"protocolVersion": str(revision)} as result}:
            if revision != session.revision:
                raise no_such_session(f"the upstream speaks {revision}, and the client was told another one")
        case _:
            raise failed(
                Reason.UPSTREAM_ANSWER_UNREADABLE, f"initialize: status {answer.status} without a result"
            )
    upstream_id = answer.fields.get(HEADER)
    named = [] if upstream_id is None else [(HEADER, upstream_id)]
    ours = [(b"mcp-protocol-version", session.revision.encode("ascii")), *named]
    await _post(app, scope, {"method": "notifications/initialized"}, ours)
    return upstream_id, _kept(object_in(result, "capabilities"))


def _kept(offered: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        check_capabilities(offered)
    except ValueError:
        return {}
    return offered


async def _post(
    app: ASGIApp, scope: Scope, members: dict[str, Any], ours: Sequence[tuple[bytes, bytes]] = ()
) -> CapturedAnswer:
    body = dumps({"jsonrpc": "2.0", **members})
    headers = [
        *_others(scope),
        *ours,
        (b"accept", b"application/json, text/event-stream"),
        (b"accept-encoding", b"identity"),
    ]
    inner = described_as_json({**scope, "method": "POST", "headers": headers}, body)
    note_request_ids(inner, [_ID] if "id" in members else [])
    answer = CapturedAnswer(_ID, MAX_ANSWER_BYTES)
    await app(inner, replay(body, _never), answer)
    return answer


def _others(scope: Scope) -> list[tuple[bytes, bytes]]:
    return [
        field
        for field in scope["headers"]
        if field[0] not in _NOT_OURS and not field[0].startswith(PARAM.encode())
    ]


async def _never() -> Message:
    await anyio.sleep_forever()
    raise AssertionError("this is never reached")


def initialize_params(messages: Sequence[object]) -> dict[str, Any] | None:
    """Return the parameters of `initialize`, if that is the only message."""
    match messages:
        case [{"method": "initialize", "params": dict(params)}]:
            return params
        case _:
            return None


def noting_session(
    app: ASGIApp, sessions: ClientSessions, principal: Principal, params: dict[str, Any]
) -> ASGIApp:
    """Wrap `app` so that `sessions` learn whether the client of the session that it opens opens links.

    Args:
        params: of `initialize`.
    """

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                for name, value in message["headers"]:
                    if name.lower() == HEADER:
                        sessions.note_upstream(value.decode("latin-1"), principal, params)
            await send(message)

        await app(scope, receive, sent)

    return noting

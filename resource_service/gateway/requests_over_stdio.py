"""Requests of revision 2026-07-28 for a command: validated by its transport's rules, answered one by one."""

from __future__ import annotations

import asyncio
from typing import Any

from mcp.shared.inbound import (
    ERROR_CODE_HTTP_STATUS,
    InboundLadderRejection,
    classify_inbound_request,
    unsupported_protocol_version_rejection,
)
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from resource_service.gateway import messages, older_revision
from resource_service.gateway.errors import malformed_request
from resource_service.gateway.event_log import Reading
from resource_service.gateway.messages import Json
from resource_service.gateway.pool import ProcessPool
from resource_service.gateway.process_account import runs_with_key_of
from resource_service.gateway.reply import Reply
from resource_service.gateway.stateless import StatelessProcess
from resource_service.principal import Principal, PrincipalKey, principal_in
from resource_service.reasons import Reason

REMEMBERED_S = 600.0
"""How long the discovered revision of a command is reused."""


class StdioRequests:
    """An ASGI app behind the guard for all requests without a session to one command."""

    def __init__(self, pool: ProcessPool) -> None:
        self._pool = pool
        self._processes: dict[PrincipalKey, asyncio.Task[StatelessProcess]] = {}
        self._older: tuple[str, float] | None = None

    async def post(self, scope: Scope, receive: Receive, send: Send, message: Json) -> None:
        """Accept a message, and answer it if it is a request.

        Raises:
            Refusal: the message is not accepted.
        """
        rejection = _rejection(scope, message)
        if rejection is not None:
            await _error(message.get("id"), rejection.code, rejection.message, rejection.data)(
                scope, receive, send
            )
        elif messages.kind_of(message) == "notification":
            # This revision defines no client notifications: a client cancels a request by closing its stream.
            await Response(status_code=202)(scope, receive, send)
        elif messages.kind_of(message) == "request":
            await self._answer(scope, receive, send, message)
        else:
            raise malformed_request(
                Reason.MESSAGE_MALFORMED, 400, "The body must be one request or notification."
            )

    async def _answer(self, scope: Scope, receive: Receive, send: Send, message: Json) -> None:
        if (answer := await self._without_server(scope, message)) is not None:
            await _respond(answer)(scope, receive, send)
            return
        process = await self._process(scope)
        pending = await process.ask(message)
        reply = Reply(
            connection=process, reading=Reading(pending.stream, after=0), may_be_json=True, resumable=False
        )
        if not await reply.deliver(scope, receive, send):
            await process.cancel(pending)

    async def _without_server(self, scope: Scope, message: Json) -> Json | None:
        """Return the answer to a method that the server does not support; None for all other methods."""
        if message["method"] in older_revision.NOT_IN_NEWER:
            return _method_not_found(message)
        if message["method"] not in older_revision.NOT_IN_OLDER:
            return None
        older = self._remembered() or await self._found_out(scope)
        if older is None:
            return None
        if message["method"] == "server/discover":
            return older_revision.no_discovery(message["id"], older)
        return _method_not_found(message)

    async def _found_out(self, scope: Scope) -> str | None:
        """Return the older revision that the command speaks, if any."""
        process = await self._process(scope)
        if process.older is not None and process.unused:
            await process.close()  # the client will open a session, which has its own process
        return process.older

    async def _process(self, scope: Scope) -> StatelessProcess:
        """Return the process of the request's principal; concurrent requests wait for the same start."""
        principal = principal_in(scope)
        starting = self._processes.get(principal.key)
        if starting is None or _is_over(starting) or _has_earlier_key(starting, scope):
            starting = asyncio.create_task(self._start(scope, principal))
            self._processes[principal.key] = starting
        process = await asyncio.shield(starting)
        if not runs_with_key_of(process, scope):  # a request with another key has started it meanwhile
            return await self._process(scope)
        self._pool.renew(process, scope)
        return process

    async def _start(self, scope: Scope, principal: Principal) -> StatelessProcess:
        process = await self._pool.start(scope, StatelessProcess)
        process.on_end.append(lambda: self._forget(principal.key))
        try:
            with process.hold():
                await self._settle_revision(process)
        except BaseException:
            await process.close()
            raise
        return process

    async def _settle_revision(self, process: StatelessProcess) -> None:
        process.older = self._remembered()
        if process.older is None:
            await process.find_revision()
        if process.older is not None:
            await process.shake_hands()
        if process.older is not None:
            self._older = (process.older, asyncio.get_running_loop().time())

    def _remembered(self) -> str | None:
        if self._older is None or asyncio.get_running_loop().time() - self._older[1] > REMEMBERED_S:
            return None
        return self._older[0]

    def _forget(self, key: PrincipalKey) -> None:
        # A later process may have replaced the one that ended.
        if (starting := self._processes.get(key)) is not None and _is_over(starting):
            del self._processes[key]


def _is_over(starting: asyncio.Task[StatelessProcess]) -> bool:
    if not starting.done():
        return False
    return starting.cancelled() or starting.exception() is not None or starting.result().ended


def _has_earlier_key(starting: asyncio.Task[StatelessProcess], scope: Scope) -> bool:
    return starting.done() and not runs_with_key_of(starting.result(), scope)


def _rejection(scope: Scope, message: Json) -> InboundLadderRejection | None:
    """Return what is wrong with the envelope, or with the headers that repeat parts of it."""
    headers = Headers(scope=scope)
    if messages.kind_of(message) != "request":
        return unsupported_protocol_version_rejection(headers["mcp-protocol-version"])
    verdict = classify_inbound_request(message, headers=dict(headers))
    return verdict if isinstance(verdict, InboundLadderRejection) else None


def _method_not_found(message: Json) -> Json:
    return messages.error(message["id"], messages.METHOD_NOT_FOUND, "Method not found", message["method"])


def _error(request_id: Any, code: int, text: str, data: Any) -> Response:  # noqa: ANN401
    return _respond(messages.error(request_id if messages.is_id(request_id) else None, code, text, data))


def _respond(response: Json) -> Response:
    status = ERROR_CODE_HTTP_STATUS.get(response["error"]["code"], 200)
    return Response(messages.write_line(response), status, media_type="application/json")

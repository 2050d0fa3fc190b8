"""The application of one worker: serves its own sessions, and passes other requests on."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resource_service.errors import MCP_METHODS
from resource_service.gateway.disconnect import CancelledOnDisconnect
from resource_service.workers import proof
from resource_service.workers.private_server import PrivateServer
from resource_service.workers.replicas import Replicas
from resource_service.workers.session_names import (
    HEADER,
    is_passed_on,
    with_mark,
    with_sender,
    with_worker,
    without_sender,
    without_worker,
    worker_of,
)
from resource_service.workers.siblings import Siblings
from resource_service.workers.unreachable import no_answer, unknown_whereabouts, was_refused
from shared.asgi import BodyTooLargeError, not_found, read_body, replay
from shared.asgi.body import body_too_large
from shared.asgi.headers import SecurityHeaders
from shared.asgi.request_id import RequestId
from shared.asgi.whole_response import with_changed_start
from shared.http1 import BusyError, Client, ConnectError, ExchangeError, Request, Response
from shared.logs import get_logger
from shared.storage import StoreUnavailableError

# RFC 9110 §7.6.1: about the connection, not the message. The length is added again.
_OF_THE_CONNECTION = frozenset(
    {b"connection", b"keep-alive", b"te", b"upgrade", b"transfer-encoding", b"content-length", b"expect"}
)

_METHODS = frozenset(MCP_METHODS.split(", "))

_log = get_logger(__name__)


Admits = Callable[[Scope], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class _Owner:
    """The process that has a session.

    Attributes:
        worker: its name.
        others: the workers of this machine, or the replicas, to which it belongs.
    """

    worker: str
    client: Client
    others: Siblings | Replicas

    async def has_ended(self, error: ExchangeError) -> bool:
        """Check, after an exchange without an answer, that the process has ended, and its sessions with it.

        A Unix socket breaks only with its process. A network may break while the process runs on, and the
        request with it: the client would open another session, and repeat the request.
        """
        if was_refused(error):
            await self.others.forget(self.worker)
            return True
        if isinstance(self.others, Siblings):
            return not isinstance(error, ConnectError | BusyError)
        return isinstance(error, ConnectError) and await self.others.has_withdrawn(self.worker)


class Worker:
    """The ASGI application of one process with sessions, around that of the service.

    Args:
        folder: the private folder of the workers' sockets; None if the service has one process.
        replicas: the processes of the service elsewhere; None if there are none.
        admits: whether the token of a request is valid. The body of any other is not read here, and the
            application refuses it.
        max_body_bytes: of a request that is passed on.
        secure: as in `SecurityHeaders`.
    """

    def __init__(
        self,
        app: ASGIApp,
        folder: Path | None,
        *,
        admits: Admits,
        max_body_bytes: int,
        replicas: Replicas | None = None,
        secure: bool = False,
    ) -> None:
        self._app = app
        self._admits = admits
        self._secure = secure
        self._max_body_bytes = max_body_bytes
        self._replicas = replicas
        self.name = secrets.token_hex(8)
        self._siblings = None if folder is None else Siblings(folder)
        self._private = None if folder is None else PrivateServer(self._serve_passed_on, folder / self.name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        if self._replicas is not None and scope["type"] == "http" and scope["path"] == proof.PATH:
            await self._refuse(partial(_proved, scope, self._replicas), scope, receive, send)
            return
        worker = worker_of(scope["headers"])
        if worker is None or worker == self.name or not _may_be_passed_on(scope):
            await self._serve(scope, receive, send)
        elif not await self._admits(scope):
            await self._serve(scope, receive, send)  # which refuses it
        else:
            try:
                owner = await self._owner_of(worker, scope)
            except StoreUnavailableError as error:
                _log.warning("the store does not say which replica has a session", detail=str(error))
                await self._refuse(partial(unknown_whereabouts, scope), scope, receive, send)
                return
            if owner is None:
                await self._serve(scope, receive, send)  # where the session is unknown
            else:
                await self._pass_on(owner, scope, receive, send)

    async def _owner_of(self, worker: str, scope: Scope) -> _Owner | None:
        """Return the process of a session; None if there is no such process.

        Raises:
            StoreUnavailableError: the store of the replicas does not answer.
        """
        if self._siblings is not None and (client := self._siblings.client_of(worker)) is not None:
            return _Owner(worker, client, self._siblings)
        if self._replicas is not None and not is_passed_on(scope["headers"]):
            replica = await self._replicas.client_of(worker)
            return None if replica is None else _Owner(worker, replica, self._replicas)
        return None

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the private socket while the application runs."""

        async def receive_until_end() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self._stop()
            return message

        async def send_when_started(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                await self._start()
            await send(message)

        await self._app(scope, receive_until_end, send_when_started)

    async def _start(self) -> None:
        if self._private is not None:
            await self._private.start()
        if self._replicas is not None:
            await self._replicas.start(self.name)

    async def _stop(self) -> None:
        if self._replicas is not None:
            await self._replicas.stop()
        if self._private is not None:
            await self._private.stop()
        if self._siblings is not None:
            await self._siblings.close()

    async def _serve_passed_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request of another worker, as if its client had connected here."""
        if scope["type"] == "http":
            fields, sender = without_sender(scope["headers"])
            scope = {**scope, "headers": fields, "client": sender}
        await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request here, with this worker's name in front of session ids."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if worker_of(scope["headers"]) == self.name:
            scope = {**scope, "headers": without_worker(scope["headers"])}

        async def send_named(message: Message) -> None:
            await send(self._named(message) if message["type"] == "http.response.start" else message)

        await self._app(with_changed_start(scope, self._named), receive, send_named)

    def _named(self, start: Message) -> Message:
        """Put this worker's name in front of the session ids of a response."""
        headers = start["headers"]
        if HEADER in [name.lower() for name, _ in headers]:
            return {**start, "headers": with_worker(headers, self.name)}
        return start

    async def _pass_on(self, owner: _Owner, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await read_body(scope, receive, max_body_bytes=self._max_body_bytes)
        except ClientDisconnect:
            return
        except BodyTooLargeError:
            refusal = partial(body_too_large, scope, self._max_body_bytes)
            await self._refuse(refusal, scope, receive, send)
            return
        with CancelledOnDisconnect(receive):
            try:
                response = await owner.client.send(_request(scope, body))
            except ExchangeError as error:
                _log.info("the process of a session does not answer", error=str(error))
                if await owner.has_ended(error):
                    await self._serve(scope, replay(body, receive), send)  # where the session is unknown
                else:
                    await self._refuse(partial(no_answer, scope, error), scope, receive, send)
                return
            try:
                await _return(response, send)
            finally:
                response.close()

    async def _refuse(
        self, refusal: Callable[[], ASGIApp], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Respond in place of the application, with the request id and the headers of its responses."""

        async def respond(scope: Scope, receive: Receive, send: Send) -> None:
            await refusal()(scope, receive, send)

        await RequestId(SecurityHeaders(respond, secure=self._secure))(scope, receive, send)


def _may_be_passed_on(scope: Scope) -> bool:
    """Check that a request may be one of a session: by its method, and with credentials.

    There is no response to HEAD, whose length says nothing.
    """
    return (
        scope["type"] == "http"
        and scope["method"] in _METHODS
        and any(name == b"authorization" for name, _ in scope["headers"])
    )


def _proved(scope: Scope, replicas: Replicas) -> ASGIApp:
    """Return the answer to a replica that asks whether this is one."""
    answer = replicas.proof(scope.get("query_string", b"").decode("latin-1"))
    return not_found(scope) if answer is None else PlainTextResponse(answer)


def _request(scope: Scope, body: bytes) -> Request:
    fields = [(name, value) for name, value in scope["headers"] if name not in _OF_THE_CONNECTION]
    fields = with_mark(with_sender(fields, scope.get("client")))
    query = scope.get("query_string", b"")
    target = scope["raw_path"] + (b"?" + query if query else b"")
    method: str = scope["method"]
    return Request(method.encode("ascii"), target, fields, body if body or method == "POST" else None)


async def _return(response: Response, send: Send) -> None:
    """Send the response as it arrives; one that is cut off stays unfinished."""
    fields = [field for field in response.fields if field[0] not in (b"connection", b"transfer-encoding")]
    await send({"type": "http.response.start", "status": response.status, "headers": fields})
    try:
        async for chunk in response:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except ExchangeError as error:
        _log.warning("the worker of a session ended during a response", error=str(error))
        return
    await send({"type": "http.response.body", "body": b"", "more_body": False})

"""The endpoint of the joined URL: authenticates, and lets a mount or this service answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import anyio
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from resource_service.errors import Refusal, insufficient_scope
from resource_service.gateway.errors import malformed_request, method_not_allowed, no_such_session
from resource_service.introspection.leases import Ending, Leases
from resource_service.joined.dispatch import Dispatch
from resource_service.joined.errors import not_one_message
from resource_service.joined.exchange import end
from resource_service.joined.forwarding import resumed
from resource_service.joined.listening import session_stream
from resource_service.joined.modern import check_modern
from resource_service.joined.policy import JoinedPolicy
from resource_service.joined.request import JoinedRequest, is_modern
from resource_service.joined.sections import Section
from resource_service.joined.sessions import JoinedSession
from resource_service.journal.recorder import CallRecorder, Recording
from resource_service.messages.exact_json import dumps
from resource_service.messages.joined_names import split_name
from resource_service.messages.jsonrpc import Posted
from resource_service.messages.listening import listens
from resource_service.messages.request_ids import may_be_repeated, note_request_ids, request_ids
from resource_service.middleware.endable_response import EndableResponse
from resource_service.middleware.leased_response import serve_leased
from resource_service.middleware.posted_message import checked_headers, posted_in
from resource_service.middleware.unanswered_errors import UnansweredErrors
from resource_service.principal import Principal, remember
from resource_service.reasons import Reason
from resource_service.stops.matching import StoppableRequest
from resource_service.stops.stopped_list import StoppedList
from shared.asgi import header_values
from shared.asgi.noted_caller import Requester, note_caller
from shared.logs import current_request_id

MAX_INITIALIZE_BYTES = 16_384
ENDED_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedEndpoint:
    """Several mounts at one URL.

    Attributes:
        authenticate: returns the principal of a request, or raises a `Refusal`.
        refuse: builds the response to a refusal.
        resource: the URL.
        calls: records the requests that this service answers, and those that it refuses.
        stopped: what the operator has stopped.
    """

    authenticate: Callable[[Scope], Awaitable[Principal]]
    refuse: Callable[[Refusal, Scope], Response]
    policy: JoinedPolicy
    leases: Leases
    resource: str
    calls: CallRecorder
    stopped: StoppedList
    max_body_bytes: int
    dispatch: Dispatch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        checked_at = self.leases.now()  # the end of the token is noticed from here on
        recording = Recording(self.calls, scope)
        ids: list[str | int] = []
        try:
            principal = await self.authenticate(scope)
            recording.verified(principal, self.policy.current)
            note_caller(scope, Requester(principal.client_id, principal.subject, principal.user))
            remember(scope, principal)
            posted = await self._posted(scope, receive)
            messages = recording.messages = posted.messages
            ids = request_ids(messages)
            note_request_ids(scope, ids)
            stoppable = StoppableRequest(self.resource, principal, messages)
            self.stopped.check(stoppable, is_call=bool(ids))
            app, leased = await self._answering(scope, principal, posted, recording)
            answer = self._endable(scope, receive, _recorded(send, recording), messages)
            with self.stopped.watching(stoppable, lambda: answer.end(Ending.STOPPED)):
                leasing = replace(stoppable, principal=leased)
                await serve_leased(
                    self.leases, app, answer=answer, request=leasing, scope=scope, checked_at=checked_at
                )
        except Refusal as refusal:
            refusal.answers = refusal.answers or ids
            recording.refuse(refusal)
            await self.refuse(refusal, scope)(scope, receive, send)
        except ClientDisconnect:
            return
        finally:
            recording.end()

    async def _posted(self, scope: Scope, receive: Receive) -> Posted:
        """Return the message of a POST; none of another request."""
        if scope["method"] != "POST":
            return Posted([], is_batch=False, body=b"")
        posted = await posted_in(scope, receive, max_body_bytes=self.max_body_bytes)
        if posted.is_batch or not isinstance(posted.messages[0], dict):
            raise not_one_message()
        checked_headers(scope, posted)
        return posted

    async def _answering(
        self, scope: Scope, principal: Principal, posted: Posted, recording: Recording
    ) -> tuple[ASGIApp, Principal]:
        """Return what answers the request, and the principal with whose scopes the response ends.

        What this service answers is recorded first.
        """
        if scope["method"] not in ("POST", "GET", "DELETE"):
            raise method_not_allowed(scope["method"])
        request = self._request(scope, principal, posted)
        if scope["method"] == "GET":
            return self._stream(request)
        if scope["method"] == "DELETE":
            return partial(self._end, request), principal
        answering = self.dispatch.answering(request)
        if answering is not None:
            return answering.app, request.sections[answering.section]
        await recording.begin(len(posted.body))
        is_shared = listens(posted.messages)
        return partial(self._answer, request), _of_any_mount(principal) if is_shared else principal

    async def _answer(self, request: JoinedRequest, scope: Scope, receive: Receive, send: Send) -> None:
        app = await self.dispatch.answer(request)
        await app(scope, receive, send)

    def _request(self, scope: Scope, principal: Principal, posted: Posted) -> JoinedRequest:
        message: Any = posted.messages[0] if posted.messages else {}
        sections = self._sections(principal)
        modern, session = is_modern(scope, message), None
        if modern and "id" in message and "method" in message:
            check_modern(message)
        if message.get("method") == "initialize":
            if len(dumps(message)) > MAX_INITIALIZE_BYTES:
                says = f"The parameters of initialize are larger than {MAX_INITIALIZE_BYTES} bytes."
                raise malformed_request(Reason.MESSAGE_MALFORMED, 400, says)
        elif not modern:
            session = self._session(scope, principal)
        return JoinedRequest(
            scope=scope, principal=principal, message=message, sections=sections, session=session
        )

    def _sections(self, principal: Principal) -> Mapping[Section, Principal]:
        """Return the mounts that the token is for."""
        each = [(section, section.principal(principal)) for section in self.dispatch.mounts.values()]
        sections = {section: there for section, there in each if there is not None}
        if not sections:
            raise insufficient_scope(
                self.dispatch.mounts, detail=f"the token of {principal.owner} is for no mount"
            )
        return sections

    def _session(self, scope: Scope, principal: Principal) -> JoinedSession:
        named = header_values(scope, "mcp-session-id")
        if len(named) != 1:
            says = "The Mcp-Session-Id header is missing or repeated."
            raise malformed_request(Reason.SESSION_HEADER_INVALID, 400, says)
        session = self.dispatch.sessions.find(named[0], principal)
        if session is None:
            raise no_such_session(f"{named[0][:64]!r} is not a session of {principal.owner}")
        return session

    def _stream(self, request: JoinedRequest) -> tuple[ASGIApp, Principal]:
        """Return the stream that a GET request opens, and the principal with whose scopes it ends."""
        session, last = request.session, header_values(request.scope, "last-event-id")
        if session is None:
            raise method_not_allowed("GET")
        if not last:
            stream = session_stream(request, session, self.dispatch.lists.forget)
            return stream, _of_any_mount(request.principal)
        joined = split_name(last[0]) if len(last) == 1 else None
        section = None if joined is None else request.section(joined.mount)
        part = None if joined is None else session.parts.get(joined.mount)
        if joined is None or section is None or part is None or not part.is_open:
            raise malformed_request(
                Reason.JOINED_NAME_UNKNOWN, 400, "The Last-Event-ID is of no stream here."
            )
        rest = resumed(request, section, part, joined.name, changed=self.dispatch.lists.forget)
        return rest, request.sections[section]

    async def _end(self, request: JoinedRequest, scope: Scope, receive: Receive, send: Send) -> None:
        """End a session, and those of the mounts in it."""
        session = request.session
        if session is None:
            raise method_not_allowed("DELETE")
        self.dispatch.sessions.forget(session)
        with anyio.move_on_after(ENDED_WITHIN_S):
            async with anyio.create_task_group() as tasks:
                for section in request.sections:
                    tasks.start_soon(end, section, scope, session.part(section.name))
        await Response(status_code=200)(scope, receive, send)

    def _endable(self, scope: Scope, receive: Receive, send: Send, messages: list[object]) -> EndableResponse:
        return EndableResponse(
            scope=scope,
            receive=receive,
            send=send,
            errors=UnansweredErrors(
                request_id=current_request_id.get(),
                request_ids=request_ids(messages),
                refuse=self.refuse,
                repeatable=scope["method"] == "POST" and may_be_repeated(messages),
            ),
        )


def _of_any_mount(principal: Principal) -> Principal:
    """Return the principal of a stream of all mounts: the part of each mount ends with the mount's scopes."""
    return replace(principal, token_scopes=())


def _recorded(send: Send, recording: Recording) -> Send:
    async def sent(message: Any) -> None:  # noqa: ANN401
        recording.note_response(message)
        await send(message)

    return sent

"""The guard in front of the MCP server: every request needs a valid token with all required scopes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resource_service.connected_accounts.introduction import TOOL
from resource_service.errors import Refusal
from resource_service.gateway.traced import traced_upstream
from resource_service.introspection.leases import Ending, Leases
from resource_service.journal.recorder import CallRecorder, Recording
from resource_service.limits.counted_calls import CountedCalls
from resource_service.limits.keeper import LimitKeeper
from resource_service.messages.jsonrpc import Posted
from resource_service.messages.mcp_headers import HeaderMismatchError, ToolCall
from resource_service.messages.media_type import described_as_json
from resource_service.messages.request_ids import (
    RequestId,
    may_be_repeated,
    note_request_ids,
    request_ids,
)
from resource_service.middleware.account_gate import AccountGate
from resource_service.middleware.approval_gate import ApprovalGate, session_of
from resource_service.middleware.endable_response import EndableResponse
from resource_service.middleware.leased_response import serve_leased
from resource_service.middleware.pinned import PinnedDefinitions
from resource_service.middleware.posted_message import checked_headers, mismatch, posted_in
from resource_service.middleware.tool_schemas import ToolSchemas
from resource_service.middleware.unanswered_errors import UnansweredErrors
from resource_service.policy.allowed_calls import AllowedCalls
from resource_service.policy.decision import check_conditions, check_has, check_login
from resource_service.policy.groups import Needed
from resource_service.policy.list_filter import with_filtered_lists
from resource_service.policy.listing import Listed, ListFilter, listed_in
from resource_service.policy.rules import Policy
from resource_service.policy.watcher import PolicyWatcher
from resource_service.principal import Principal, remember
from resource_service.reasons import Reason
from resource_service.stops.matching import StoppableRequest
from resource_service.stops.stopped_list import StoppedList
from resource_service.tasks.binding import BoundRequest, TaskBinding
from shared.asgi import replay
from shared.asgi.noted_caller import Requester, note_caller
from shared.clock import Clock
from shared.logs import current_request_id, get_logger
from shared.traces.current import current_span

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """An MCP server that only principals can reach, and only for what their scopes allow.

    Attributes:
        app: the MCP server. It gets the principal from `resource_service.principal.principal_in`, and may
            raise a `Refusal` until its response begins.
        authenticate: returns the principal of a request, or raises a `Refusal`.
        refuse: builds the response to a refusal.
        schemas: the schemas of the tools of `app`.
        pinned: the approved definitions of `app`.
        resource: the URL of the MCP server.
        clock: determines the age of logins.
        calls: records calls.
        stopped: what the operator has stopped.
        limits: counts calls against the limits of the policy.
        tasks: binds task ids to the principal.
        approvals: lets calls run only if they are approved, where the policy says so.
        account: adds the credentials of connected accounts; None if this resource has none.
        allowed: remembers which calls are allowed.
    """

    app: ASGIApp
    authenticate: Callable[[Scope], Awaitable[Principal]]
    policy: PolicyWatcher
    refuse: Callable[[Refusal, Scope], Response]
    leases: Leases
    schemas: ToolSchemas
    pinned: PinnedDefinitions
    max_body_bytes: int
    resource: str
    clock: Clock
    calls: CallRecorder
    stopped: StoppedList
    limits: LimitKeeper
    tasks: TaskBinding
    approvals: ApprovalGate
    account: AccountGate | None = None
    allowed: AllowedCalls = field(default_factory=AllowedCalls, repr=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        checked_at = self.leases.now()  # the end of the token is noticed from here on
        recording = Recording(self.calls, scope)
        counted_calls: CountedCalls | None = None
        try:
            principal = await self.authenticate(scope)
            policy = self.policy.current
            recording.verified(principal, policy, self.approvals.approver)
            note_caller(scope, Requester(principal.client_id, principal.subject, principal.user))
            messages: list[object] = []
            ids: list[RequestId] = []
            call = own = None
            request = StoppableRequest(self.resource, principal, messages)
            if scope["method"] == "POST":
                posted = await posted_in(scope, receive, max_body_bytes=self.max_body_bytes)
                messages = request.messages = recording.messages = posted.messages
                ids = request_ids(messages)
                self._check_not_stopped(request, ids)
                self._allow(messages, principal, policy)
                call = checked_headers(scope, posted)
                own = self._own_tasks(posted, principal)
                counted_calls = await self._admitted(principal, policy, messages)
                await recording.begin(len(posted.body))
                # The server receives exactly the message that was checked, with our own headers about it.
                scope = described_as_json(own.scope_for_server(scope), own.posted.body)
                receive = replay(own.posted.body, receive)
            else:
                self.stopped.check(request, is_call=False)
                self._allow(messages, principal, policy)
            remember(scope, principal)
            note_request_ids(scope, ids)
            listed = None if scope["method"] == "GET" else listed_in(messages)
            session = session_of(scope)
            app = self.approvals.protect(self._showing(policy, principal, listed), policy, session)
            app = self._checked(app, call)
            app = self.tasks.answering(app, own, principal)
            app = self.pinned.protect(app, policy, None if scope["method"] == "GET" else messages)
            if (span := current_span.get()) is not None:
                app = traced_upstream(app, span.trace, self.calls.mount, max_body_bytes=self.max_body_bytes)
            if self.account is not None:
                app = self.account.protect(
                    app, own.posted.messages if own else messages, lambda: answer.end(Ending.DISCONNECTED)
                )
            app = self.approvals.awaiting(app, policy, own.posted.messages if own else messages, session)
            explaining = _explaining(send, scope, principal, recording)
            answer = EndableResponse(
                scope=scope,
                receive=receive,
                send=explaining,
                errors=UnansweredErrors(
                    request_id=current_request_id.get(),
                    request_ids=ids,
                    refuse=self.refuse,
                    repeatable=scope["method"] == "POST" and may_be_repeated(messages),
                ),
            )
            with self.stopped.watching(request, lambda: answer.end(Ending.STOPPED)):
                await serve_leased(
                    self.leases, app, answer=answer, scope=scope, request=request, checked_at=checked_at
                )
        except Refusal as refusal:
            recording.refuse(refusal)
            if counted_calls is not None:
                await counted_calls.refused(refusal.reason)
            await self.refuse(refusal, scope)(scope, receive, send)
        except ClientDisconnect:
            return
        finally:
            recording.end()
            if counted_calls is not None:
                counted_calls.end()

    def _allow(self, messages: Sequence[object], principal: Principal, policy: Policy) -> None:
        try:
            if self._is_own_tool(messages, policy):
                check_has(policy, Needed(policy.required), principal)
                return
            self.allowed.check(messages, policy, principal)
            # These depend on arguments and on the time, so that nothing is remembered of them.
            hints_of = self.pinned.keeper.hints_of
            check_conditions(policy, messages, principal, self.clock, hints_of=hints_of)
        except Refusal as refusal:
            refusal.answers = request_ids(messages)
            raise
        if policy.step_up:
            check_login(policy, messages, principal, self.clock)

    def _is_own_tool(self, messages: Sequence[object], policy: Policy) -> bool:
        """Whether a request only gets the link to connect an account, and no rule is about just that.

        The rules are for the server's tools, and a strict default would leave a person without the link.
        """
        account = self.account
        return account is not None and account.answers_itself(messages) and not policy.names_tool(TOOL)

    def _check_not_stopped(self, request: StoppableRequest, ids: list[RequestId]) -> None:
        try:
            self.stopped.check(request, is_call=bool(ids))
        except Refusal as refusal:
            refusal.answers = ids
            raise

    async def _admitted(
        self, principal: Principal, policy: Policy, messages: Sequence[object]
    ) -> CountedCalls | None:
        """Count the calls among `messages` against the limits of the policy."""
        if not policy.limits:
            return None
        try:
            return await self.limits.admit(policy.limits, principal, messages)
        except Refusal as refusal:
            refusal.answers = request_ids(messages)
            raise

    def _own_tasks(self, posted: Posted, principal: Principal) -> BoundRequest:
        """Replace the ids of the principal's tasks with those of the MCP server."""
        try:
            return self.tasks.read(posted, principal)
        except Refusal as refusal:
            refusal.answers = request_ids(posted.messages)
            raise

    def _showing(self, policy: Policy, principal: Principal, listed: Listed | None) -> ASGIApp:
        """Return the server as `principal` may see it; if `listed` is None, it may answer any request."""
        if not policy.hide or (listed is not None and not listed):
            return self.app
        return with_filtered_lists(self.app, ListFilter(policy, principal.scopes, listed, principal.groups))

    def _checked(self, app: ASGIApp, call: ToolCall | None) -> ASGIApp:
        """Wrap `app` so that it gets `call` only if the headers match the tool's schema."""
        if call is None:
            return app

        async def checked(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await self.schemas.check(call, scope)
            except HeaderMismatchError as error:
                raise mismatch(error) from error
            await app(scope, receive, send)

        return checked


def _explaining(send: Send, scope: Scope, principal: Principal, recording: Recording) -> Send:
    """Return a `send` that notes the result of calls, and logs the MCP server's own refusals.

    Such as that of an unknown session, or of a wrong Accept header.
    """
    held: Message | None = None

    async def explain(message: Message) -> None:
        nonlocal held
        if message["type"] == "http.response.start" and message["status"] >= 400:
            held = message  # until its body arrives, so that the log entry precedes the response
            return
        if held is not None:
            _log_refusal(held["status"], message.get("body", b""), scope, principal)
            recording.note_response(held)
            await send(held)
            held = None
        recording.note_response(message)
        await send(message)

    return explain


def _log_refusal(status: int, body: bytes, scope: Scope, principal: Principal) -> None:
    reason = body[:300].decode("utf-8", "replace")
    _log.info(
        "refused",
        reason=f"the MCP server says: {reason}",
        reason_code=Reason.UPSTREAM_REFUSED.code,
        status=status,
        method=scope["method"],
        path=scope["path"],
        client_id=principal.client_id,
    )

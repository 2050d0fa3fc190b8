"""An MCP server whose calls run only once they are approved, where the policy says so (GW-6).

The approval is used at the last moment, when nothing but the MCP server itself can still refuse the call, and
the message that is forwarded is built from what was approved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from resource_service.auth.authentication import token_in
from resource_service.call_approvals.answers import Approval, Status
from resource_service.call_approvals.calls import KIND, NotCanonicalError, approved_message, canonical_call
from resource_service.call_approvals.client import (
    ApprovalQuestion,
    CannotBeApprovedError,
    TooManyApprovalsError,
)
from resource_service.call_approvals.errors import (
    approval_denied,
    approval_needed,
    approval_unknown,
    not_approvable,
    policy_changed,
    token_ended,
    too_many_approvals,
)
from resource_service.connected_accounts.client_sessions import ClientSessions
from resource_service.gateway.concurrency_limit import ConcurrencyLimit
from resource_service.gateway.disconnect import CancelledOnDisconnect, has_disconnected
from resource_service.introspection.client import IntrospectionUnavailableError
from resource_service.messages.jsonrpc import read_posted
from resource_service.messages.media_type import described_as_json
from resource_service.messages.request_ids import request_ids
from resource_service.middleware.upstream_session import HEADER, initialize_params, noting_session
from resource_service.person_links import is_accepted, is_answered, message_opens_links
from resource_service.policy.approvals import approver_of
from resource_service.policy.conditions import CallContext, HintsOf, no_hints
from resource_service.policy.rules import Policy
from resource_service.policy.watcher import PolicyWatcher
from resource_service.principal import Principal, principal_in
from shared.asgi import read_body, replay
from shared.clock import Clock

WAIT_S = 30.0
"""How long a repeated request waits for the approver."""

ASK_EVERY_S = 1.0

MAX_MOUNT = 500
"""As much as the authorization server takes."""

Messages = Sequence[object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalGate:
    """The approvals of one resource.

    Attributes:
        mount: the path of the MCP server. At a joined URL it alone tells calls of two MCP servers apart.
        hints_of: returns the annotations in the approved definition of a tool, for conditions.
        waiting: limits the requests that wait for an approver.
    """

    ask: Callable[[ApprovalQuestion], Awaitable[Approval | None]]
    mount: str
    policy: PolicyWatcher
    clock: Clock
    waiting: ConcurrencyLimit
    max_body_bytes: int
    hints_of: HintsOf = no_hints
    sessions: ClientSessions = field(default_factory=ClientSessions)

    def protect(self, app: ASGIApp, policy: Policy, session: str) -> ASGIApp:
        """Wrap `app`, the MCP server, so that it gets a call only if that is approved.

        Args:
            policy: the one that has decided on the request.
            session: of the client, as it names it; empty if it has none.
        """
        if not policy.approve:
            return app

        async def protected(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["method"] != "POST":
                await app(scope, receive, send)
                return
            # What the server would get, whatever has changed the message on the way.
            body = await read_body(scope, receive, max_body_bytes=self.max_body_bytes)
            posted = read_posted(body).messages
            principal = principal_in(scope)
            approvers = [self.approver(policy, principal, message) for message in posted]
            if any(approver is not None for approver in approvers):
                if len(posted) != 1 or not request_ids(posted):
                    raise not_approvable("A call that needs an approval must be a request of its own.")
                if await has_disconnected(receive):
                    raise ClientDisconnect  # an approval is used for a client that gets the result
                body = await self._approved(scope, posted, approvers[0] or "", policy=policy, session=session)
                scope = described_as_json(scope, body)
            forwarded: ASGIApp = app
            if (params := initialize_params(posted)) is not None:
                forwarded = noting_session(app, self.sessions, principal, params)
            await forwarded(scope, replay(body, receive), send)

        return protected

    def awaiting(self, app: ASGIApp, policy: Policy, messages: Messages, session: str) -> ASGIApp:
        """Wrap `app` so that a call that is repeated after its link was opened waits for the approver."""
        message = messages[0] if len(messages) == 1 and isinstance(messages[0], dict) else {}
        if not policy.approve or not (is_answered(message, KIND) and is_accepted(message, KIND)):
            return app

        async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
            approver = self.approver(policy, principal_in(scope), message)
            if approver is not None:
                question = self._question(scope, message, approver, policy=policy, session=session)
                # A disconnect is received after the body.
                body = await read_body(scope, receive, max_body_bytes=self.max_body_bytes)
                await self._wait(question, scope, receive)
                receive = replay(body, receive)
            await app(scope, receive, send)

        return waiting

    async def _wait(self, question: ApprovalQuestion, scope: Scope, receive: Receive) -> None:
        """Wait for the approver.

        Raises:
            ClientDisconnect: the client disconnected meanwhile.
        """
        with self.waiting.slot(principal_in(scope)), CancelledOnDisconnect(receive) as connected:
            with anyio.move_on_after(WAIT_S):
                await self._decided(question)
        if connected.was_cancelled:
            raise ClientDisconnect

    async def _decided(self, question: ApprovalQuestion) -> None:
        while True:
            approval = await self._answer(question)
            if approval.status is not Status.PENDING:
                return
            await anyio.sleep(ASK_EVERY_S)

    def approver(self, policy: Policy, principal: Principal, message: object) -> str | None:
        """Return who must approve the call that a message is; None if it needs no approval."""
        caller = CallContext(
            policy.closure(principal.scopes), frozenset(principal.groups), self.clock(), self.hints_of
        )
        return approver_of(policy.approve, message, caller)

    async def _approved(
        self, scope: Scope, posted: Sequence[Any], approver: str, *, policy: Policy, session: str
    ) -> bytes:
        """Use the approval of a call, and return the message that may be forwarded."""
        message: Mapping[str, Any] = posted[0]
        question = self._question(scope, message, approver, policy=policy, session=session)
        self._check_current(policy)
        approval = await self._answer(replace(question, use=True))
        if approval.status is Status.PENDING:
            opens_links = self.sessions.opens_links(session, principal_in(scope))
            raise approval_needed(approval, posted, opens_links=opens_links or message_opens_links(message))
        if approval.status is not Status.USED:
            raise approval_denied()
        self._check_current(policy)
        return approved_message(message, question.call)

    def _check_current(self, policy: Policy) -> None:
        if self.policy.current.version != policy.version:
            raise policy_changed()

    def _question(
        self, scope: Scope, message: Mapping[str, Any], approver: str, *, policy: Policy, session: str
    ) -> ApprovalQuestion:
        try:
            call = canonical_call(message)
        except NotCanonicalError as error:
            raise not_approvable(str(error)) from error
        # With the mount, so that an authorization server of the previous release binds to it, too.
        bound = hashlib.sha256(f"{self.mount}\n{session}".encode()).hexdigest()
        return ApprovalQuestion(
            token=token_in(scope),
            call=call,
            approver=approver,
            policy=policy.version,
            session=bound,
            mount=self.mount[:MAX_MOUNT],
        )

    async def _answer(self, question: ApprovalQuestion) -> Approval:
        try:
            approval = await self.ask(question)
        except IntrospectionUnavailableError as error:
            raise approval_unknown(error) from error
        except TooManyApprovalsError:
            raise too_many_approvals() from None
        except CannotBeApprovedError:
            raise not_approvable("Nobody can approve this call as it is.") from None
        if approval is None:
            raise token_ended()
        return approval


def session_of(scope: Scope) -> str:
    """Return the session id of a request; empty if it has none."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == HEADER), "")

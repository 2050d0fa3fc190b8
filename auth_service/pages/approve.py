"""GET and POST /approve/{approval}: the approver approves or denies a call (GW-6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from auth_service.call_approvals.approvals import CallApprovals, DecisionUnderWayError
from auth_service.clients.repository import ClientRepository
from auth_service.journal.account_events import AccountAction
from auth_service.pages.descriptions.approve import OPERATIONS
from auth_service.protocol.call_approval import LIFETIME_S, SELF, CallApproval, State
from auth_service.protocol.connected_apps import DELETED_CLIENT
from auth_service.protocol.errors import InvalidRequestError, TemporarilyUnavailableError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.shown_call import shown_call
from auth_service.storage import keys
from auth_service.users.repository import UserRepository
from auth_service.users.sessions import Session
from auth_service.web.browser_cookies import Browser
from auth_service.web.forms import RequestOverError, shows_errors, trusted_form
from auth_service.web.moments import day
from auth_service.web.page_context import PageContext
from auth_service.web.render import see_other
from auth_service.web.route import Endpoint
from shared.asgi.noted_reason import note_reason
from shared.logs import get_logger
from shared.storage.interface import Store
from shared.texts import Text

_log = get_logger(__name__)

DECISIONS = ("approve", "deny")
_UNDER_WAY = Text("Another decision about this call is being made.")


@dataclass(frozen=True, kw_only=True)
class ApprovePage:
    """Shows a call to the person who may approve it, and takes the decision.

    Attributes:
        groups_of: returns the groups of a person.
        resource_names: by the URL of the resource.
    """

    context: PageContext
    approvals: CallApprovals
    clients: ClientRepository
    users: UserRepository
    groups_of: Callable[[str], Awaitable[tuple[str, ...]]]
    resource_names: Mapping[str, str]
    store: Store

    async def handle(self, request: Request) -> Response:
        form: Parameters | None = None
        if request.method == "POST":
            form, _ = await trusted_form(self.context.browsers, request)
        approval = await self.approvals.get(request.path_params["approval"])
        if approval is None:
            raise RequestOverError
        browser, session = await self.context.visitor(request)
        if session is None or browser.browser_id is None:
            return see_other(f"../login?{urlencode({'to': f'approve/{approval.approval_id}'})}")
        if not await self._may_decide(approval, session.subject):
            return await self._of_other_person(request, approval, session)
        if form is not None:
            return await self._decide(request, approval, session, form)
        if approval.state == State.PENDING:
            return await self._show(approval, browser, session)
        return self._outcome(State(approval.state))

    async def _may_decide(self, approval: CallApproval, subject: str) -> bool:
        groups = () if approval.approver == SELF else await self.groups_of(subject)
        return approval.may_be_decided_by(subject, groups)

    async def _show(self, approval: CallApproval, browser: Browser, session: Session) -> Response:
        client = await self.clients.get(approval.client_id)
        caller = await self.users.by_subject(approval.subject) if approval.subject else None
        context = {
            "csrf": self.context.browsers.form_token(browser),
            "approval": approval.approval_id,
            "call": shown_call(approval.call),
            "client": client.name if client else DELETED_CLIENT,
            "domain": client.domain if client else None,
            "resource": approval.resource,
            "mount": approval.shown_mount,
            "until": day(approval.expires_at),
            "resource_name": self.resource_names.get(approval.resource, approval.resource),
            "caller": caller.username if caller else None,
            "own": session.subject == approval.subject,
            "username": session.username,
        }
        return self.context.templates.render("approve_call.html", context)

    async def _decide(
        self, request: Request, approval: CallApproval, session: Session, form: Parameters
    ) -> Response:
        decision = form.require("decision")
        if decision not in DECISIONS:
            raise InvalidRequestError(Reason.FORM_FIELD_INVALID, "decision is neither approve nor deny")
        try:
            state = await self.approvals.decide(
                approval,
                approve=decision == "approve",
                by=session.subject,
                session=session.session_id,
                network=self.context.networks.network_of(request),
            )
        except DecisionUnderWayError:
            raise TemporarilyUnavailableError(Reason.APPROVAL_BEING_DECIDED, _UNDER_WAY) from None
        _log.info("call decided", decision=decision, state=state.value, by=session.subject)
        if state is State.PENDING:
            raise RequestOverError  # it has expired in the meantime
        return self._outcome(state)

    async def _of_other_person(self, request: Request, approval: CallApproval, session: Session) -> Response:
        reason = Reason.APPROVAL_OF_OTHER_APPROVER
        note_reason(request.scope, reason)
        # Once for each, so that nobody fills the journal by reloading the page.
        first = keys.once("approval-refused", approval.approval_id, session.subject)
        if await self.store.put_once(first, ttl_s=LIFETIME_S):
            await self.context.account_events.record(
                AccountAction.APPROVAL_LINK_REFUSED,
                approval.caller,
                by=session.subject,
                approval=approval.binding,
                resource=approval.resource,
                mount=approval.mount,
                network=self.context.networks.network_of(request),
                reason_code=reason.code,
            )
        _log.warning("approval of another person opened", by=session.subject, reason_code=reason.code)
        context = {"username": session.username, "to": f"approve/{approval.approval_id}"}
        return self.context.templates.render("approve_other_person.html", context, status=403)

    def _outcome(self, state: State) -> Response:
        approved = state is not State.DENIED
        return self.context.templates.render("approve_outcome.html", {"approved": approved})

    def endpoint(self) -> Endpoint:
        """Return the endpoint of the page."""
        return Endpoint(
            path="/approve/{approval}",
            handler=shows_errors(self.context.errors, self.handle),
            methods=("GET", "POST"),
            operations=OPERATIONS,
        )

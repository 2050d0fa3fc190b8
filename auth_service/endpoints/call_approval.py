"""POST /call-approval: a resource server asks whether a call is approved, and uses the approval (GW-6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from auth_service.call_approvals.approvals import CallApprovals
from auth_service.call_approvals.pending import TooManyPendingError
from auth_service.client_auth.introspection_callers import IntrospectionCaller, IntrospectionCallers
from auth_service.endpoints.calling_requests import adopt_request_id
from auth_service.endpoints.descriptions.call_approval import OPERATION
from auth_service.grants.token_reader import TokenReader
from auth_service.protocol.call_approval import (
    MAX_CALL_BYTES,
    MAX_MEMBER,
    MAX_TOOL,
    SELF,
    CallApproval,
    RequestedCall,
    State,
    fault_in,
    fault_in_mount,
)
from auth_service.protocol.errors import (
    InactiveTokenError,
    InvalidRequestError,
    NotAResourceServerError,
    SlowDownError,
)
from auth_service.protocol.grant import Grant
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason
from auth_service.protocol.shown_call import UnreadableCallError, shown_call
from auth_service.web.client_networks import ClientNetworks
from auth_service.web.http import answers_errors, form_of, json_response
from auth_service.web.route import Endpoint
from shared.asgi import header_values
from shared.clock import Clock

RETRY_AFTER_S = 60


@dataclass(frozen=True, kw_only=True)
class CallApprovalEndpoint:
    """Answers whether a call may run now, or with the link at which it can be approved."""

    callers: IntrospectionCallers
    tokens: TokenReader
    approvals: CallApprovals
    networks: ClientNetworks
    issuer: str
    clock: Clock

    async def handle(self, request: Request) -> Response:
        parameters = await form_of(request)
        caller = await self.callers.authenticate(
            header_values(request.scope, "authorization"), parameters, self.networks.network_of(request)
        )
        adopt_request_id(request.scope, caller, parameters)
        if caller.client_id is not None:
            raise NotAResourceServerError(
                Reason.CALLER_NOT_RESOURCE_SERVER, "only configured resource servers get approvals"
            )
        grant = await self._grant(caller, parameters.require("token"))
        call = _requested(grant, parameters)
        try:
            approval = await self.approvals.request(call, use=parameters.get("use") == "true")
        except TooManyPendingError:
            raise SlowDownError(
                Reason.APPROVALS_TOO_MANY,
                "too many calls wait for an approval",
                retry_after_s=RETRY_AFTER_S,
            ) from None
        return json_response(self._answer(approval))

    async def _grant(self, caller: IntrospectionCaller, token: str) -> Grant:
        """Return the grant of the token, which must be active for the caller at this moment."""
        live = await self.tokens.live_access(token)
        if live is None or live[1].resource is None or live[1].resource not in caller.resources:
            raise InactiveTokenError(
                Reason.APPROVAL_TOKEN_INACTIVE, "the token of the call is not active for the caller"
            )
        return live[1]

    def _answer(self, approval: CallApproval) -> dict[str, Any]:
        expires_in = max(0, approval.expires_at - int(self.clock()))
        if approval.state != State.PENDING:
            return {"status": str(approval.state), "expires_in": expires_in}
        return {
            "status": str(approval.state),
            "approve_url": f"{self.issuer}/approve/{approval.approval_id}",
            "elicitation_id": approval.approval_id,
            "expires_in": expires_in,
        }

    def endpoint(self) -> Endpoint:
        """Return the endpoint with its description."""
        return Endpoint(
            path="/call-approval",
            handler=answers_errors(self.handle),
            methods=("POST",),
            operations={"POST": OPERATION},
        )


def _requested(grant: Grant, parameters: Parameters) -> RequestedCall:
    approver, call = parameters.require("approver"), parameters.require("call")
    mount = parameters.get("mount") or ""
    if fault := fault_in(approver) or fault_in_mount(mount):
        raise _invalid(fault)
    if approver == SELF and grant.subject is None:
        raise _invalid("the token is of a client that acts for itself, so nobody can approve its calls")
    if len(call.encode()) > MAX_CALL_BYTES:
        raise _invalid(f"the call is larger than {MAX_CALL_BYTES} bytes")
    try:
        tool = shown_call(call).tool
    except UnreadableCallError as error:
        raise _invalid(str(error)) from error
    if len(tool) > MAX_TOOL:
        raise _invalid(f"the name of the tool has more than {MAX_TOOL} characters")
    return RequestedCall(
        grant_id=grant.grant_id,
        subject=grant.subject or "",
        client_id=grant.client_id,
        resource=grant.resource or "",
        session=_short(parameters, "session"),
        policy=_short(parameters, "policy"),
        approver=approver,
        tool=tool,
        call=call,
        mount=mount,
    )


def _short(parameters: Parameters, name: str) -> str:
    text = parameters.get(name) or ""
    if len(text) > MAX_MEMBER:
        raise _invalid(f"{name} is longer than {MAX_MEMBER} characters")
    return text


def _invalid(description: str) -> InvalidRequestError:
    return InvalidRequestError(Reason.APPROVAL_REQUEST_INVALID, description)

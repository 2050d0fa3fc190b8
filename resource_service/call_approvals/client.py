"""One query about the approval of a call at the authorization server."""

from __future__ import annotations

from dataclasses import dataclass, field

from resource_service.call_approvals.answers import Approval, MalformedApprovalError, approval_from_wire
from resource_service.introspection.back_channel import BackChannel, failure, is_error
from resource_service.introspection.client import TOO_MANY_REQUESTS, IntrospectionUnavailableError
from resource_service.reasons import Reason
from shared.json_text import parse_json

PATH = "/call-approval"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalQuestion:
    """A question about the approval of a call.

    Attributes:
        token: the access token of the request.
        call: its parameters in canonical form.
        approver: of the policy.
        policy: its version.
        session: a digest of the mount, and of the client's session if there is one.
        mount: the path of the MCP server that gets the call.
        use: whether to use the approval for this call.
    """

    token: str = field(repr=False)
    call: str = field(repr=False)
    approver: str
    policy: str
    session: str = field(repr=False)
    mount: str
    use: bool = False


class TooManyApprovalsError(Exception):
    """Too many calls wait for the approver."""


class CannotBeApprovedError(Exception):
    """Nobody can approve the call, as the authorization server says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalClient:
    """Queries the endpoint for approvals once for each call; caches and repeats nothing.

    Attributes:
        issuer: the URL of the authorization server.
    """

    channel: BackChannel
    issuer: str

    async def ask(self, question: ApprovalQuestion) -> Approval | None:
        """Return the approval; None if the access token is not active.

        Raises:
            IntrospectionUnavailableError: it is unknown.
            TooManyApprovalsError, CannotBeApprovedError: see the classes.
        """
        answer = await self.channel.ask(
            {
                "token": question.token,
                "call": question.call,
                "approver": question.approver,
                "policy": question.policy,
                "session": question.session,
                "mount": question.mount,
                "use": "true" if question.use else "false",
            }
        )
        if answer.status == TOO_MANY_REQUESTS:
            raise TooManyApprovalsError
        if is_error(answer, 400, "invalid_token"):
            return None
        if is_error(answer, 400, "invalid_request"):
            raise CannotBeApprovedError
        if answer.status != 200:
            raise failure(answer)
        try:
            return approval_from_wire(parse_json(answer.body), self.issuer)
        except MalformedApprovalError as error:
            raise IntrospectionUnavailableError(Reason.APPROVAL_ANSWER_MALFORMED, str(error)) from error
        except ValueError:
            # Without its cause, which may quote the answer.
            raise IntrospectionUnavailableError(
                Reason.APPROVAL_ANSWER_MALFORMED, "the approval is not JSON"
            ) from None

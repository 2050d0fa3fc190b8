"""Error responses about approvals of calls."""

from __future__ import annotations

from collections.abc import Sequence

from resource_service.call_approvals.answers import Approval
from resource_service.call_approvals.calls import KIND
from resource_service.errors import ACCESS_DENIED, Refusal, invalid_token
from resource_service.introspection.client import IntrospectionUnavailableError
from resource_service.person_links import LinkRefusal, PersonLink, minutes
from resource_service.reasons import Reason

APPROVAL_NEEDED = -32007
"""From the range that MCP leaves to implementations."""


def approval_needed(approval: Approval, messages: Sequence[object], *, opens_links: bool) -> Refusal:
    """Refuse a call until it is approved, with the link for the approver."""
    link = PersonLink(
        kind=KIND,
        url=approval.url,
        elicitation_id=approval.elicitation_id,
        text=(
            "This call needs an approval and was not run. Show this link to the user; once the call is "
            "approved there, make exactly the same call again: "
            f"{approval.url} (valid for {minutes(approval.expires_in)})."
        ),
        message="Approve this call before it runs.",
        reason=Reason.APPROVAL_NEEDED,
        rpc_code=APPROVAL_NEEDED,
    )
    return LinkRefusal(link, "The call needs an approval.", messages, opens_links=opens_links)


def approval_denied() -> Refusal:
    """Refuse a call that the approver has denied."""
    return _refused(Reason.APPROVAL_DENIED, "The call was denied. Do not make it again.")


def not_approvable(description: str) -> Refusal:
    """Refuse a call that nobody can approve as it is."""
    return _refused(Reason.CALL_NOT_APPROVABLE, description)


def policy_changed() -> Refusal:
    """Refuse a call because the policy has changed since it was checked."""
    return _refused(Reason.POLICY_CHANGED, "The policy has changed; make the call again.")


def too_many_approvals() -> Refusal:
    """Refuse a call because too many others wait."""
    return _refused(Reason.APPROVALS_PENDING, "Too many calls wait for an approval already.")


def approval_unknown(error: IntrospectionUnavailableError) -> Refusal:
    """Refuse a call because it is not known whether it is approved."""
    description = "Approvals cannot be looked up at the moment; try again. The call was not run."
    return Refusal(error.reason, 503, "temporarily_unavailable", description, detail=str(error))


def token_ended() -> Refusal:
    """Refuse a token that has ended since it was checked."""
    return invalid_token(
        Reason.TOKEN_INACTIVE,
        "The access token is expired, revoked or unknown.",
        detail="it is not active in the question about the approval",
    )


def _refused(reason: Reason, description: str) -> Refusal:
    return Refusal(reason, 403, "access_denied", description, rpc_code=ACCESS_DENIED)

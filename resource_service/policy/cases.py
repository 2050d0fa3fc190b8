"""Cases that a policy says it must decide in a certain way, as the service would decide them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from resource_service.errors import Refusal
from resource_service.policy.approvals import approver_of
from resource_service.policy.conditions import CallContext, Hints, hints_in
from resource_service.policy.decision import check_conditions, check_has, check_login
from resource_service.policy.rules import Policy
from resource_service.principal import Principal
from resource_service.reasons import Reason

ALLOWED = "allowed"
OUTCOMES = (
    ALLOWED,
    *(
        reason.code
        for reason in (
            Reason.SCOPE_MISSING,
            Reason.GROUP_MISSING,
            Reason.CONDITION_UNMET,
            Reason.LOGIN_NOT_STRONG_ENOUGH,
        )
    ),
)
"""The decisions of a policy: the call is forwarded, or refused with one of these reason codes.

A call that is forwarded only after an approval has another decision: see `needs_approval`.
"""

NOON = datetime(2024, 1, 3, 12, tzinfo=UTC)
"""A Wednesday: the time of a call whose case has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyCase:
    """A request of a principal, and what the policy must decide.

    Attributes:
        method: the method of the request.
        params: its parameters, as far as a policy looks at them.
        scopes: those that the principal was granted.
        groups: those that the principal is in.
        acr: the authentication context of the login; None if unknown.
        login_age_s: the age of the login, in seconds; None if unknown.
        time: the time of the call.
        annotations: those in the approved definition of the tool; None if there is none.
        expected: one of `OUTCOMES`, or that of `needs_approval`.
    """

    method: str
    params: Mapping[str, Any]
    scopes: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    acr: str | None = None
    login_age_s: int | None = None
    time: datetime = NOON
    annotations: Mapping[str, bool] | None = None
    expected: str


def needs_approval(by: str) -> str:
    """Return the decision that a call runs only after an approval.

    Args:
        by: the approver of the rule.
    """
    return f"approve: {by}"


def outcome(policy: Policy, case: PolicyCase) -> str:
    """Return the decision of `policy` about a case: one of `OUTCOMES`, or that of `needs_approval`."""
    messages = [{"method": case.method, "params": dict(case.params)}]
    principal, now = _principal(case), case.time.timestamp
    try:
        check_has(policy, policy.needed(messages), principal)
        check_conditions(policy, messages, principal, now, hints_of=lambda _: _hints(case))
        check_login(policy, messages, principal, now)
    except Refusal as refusal:
        return refusal.reason.code
    caller = CallContext(policy.closure(case.scopes), case.groups, now(), lambda _: _hints(case))
    approver = approver_of(policy.approve, messages[0], caller)
    return ALLOWED if approver is None else needs_approval(approver)


def _hints(case: PolicyCase) -> Hints | None:
    return None if case.annotations is None else hints_in({"annotations": dict(case.annotations)})


def _principal(case: PolicyCase) -> Principal:
    return Principal(
        client_id="case",
        scopes=tuple(sorted(case.scopes)),
        issuer="case",
        subject="case",
        expires_at=int(case.time.timestamp()) + 1,
        acr=case.acr,
        auth_time=None if case.login_age_s is None else int(case.time.timestamp()) - case.login_age_s,
        groups=tuple(sorted(case.groups)),
    )

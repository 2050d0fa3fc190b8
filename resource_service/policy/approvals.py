"""The calls of tools that run only after a person has approved them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from resource_service.policy.conditions import Alternative, CallContext, unmet
from resource_service.policy.patterns import first_pattern

SELF = "self"
GROUP = "group:"
MAX_APPROVER = 200


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """Who approves the calls of a tool.

    Attributes:
        by: `SELF`, or `GROUP` with the name of a group.
        unless: conditions of which one makes an approval unnecessary. A condition that cannot be read does
            not hold, so the call needs the approval.
    """

    by: str
    unless: tuple[Alternative, ...] = ()


Approvals = Mapping[str, ApprovalRule]
"""Maps patterns of tool names to rules; an exact name wins, then the first pattern."""


def approver_of(approvals: Approvals, message: object, caller: CallContext) -> str | None:
    """Return who must approve the call that a message is; None if it needs no approval."""
    if not isinstance(message, dict) or message.get("method") != "tools/call":
        return None
    params = message.get("params")
    name = params.get("name") if isinstance(params, dict) else None
    pattern = first_pattern(approvals, name if isinstance(name, str) else "")
    if pattern is None:
        return None
    rule = approvals[pattern]
    if rule.unless and unmet({pattern: rule.unless}, [message], caller) is None:
        return None
    return rule.by


def fault_in_approver(by: str) -> str:
    """Return why `by` does not name an approver; empty if it does."""
    if by == SELF:
        return ""
    group = by.removeprefix(GROUP)
    if group == by or not group.strip() or len(by) > MAX_APPROVER or not group.isprintable():
        return f"it must be {SELF}, or {GROUP} and the name of a group"
    return ""

"""A parser for the `approve` of a policy file."""

from __future__ import annotations

from yaml.nodes import Node, ScalarNode

from resource_service.policy.approvals import ApprovalRule, fault_in_approver
from resource_service.policy.conditions import Alternative
from resource_service.policy.conditions_file import read_alternatives
from resource_service.policy.nodes import check_keys, member_of, members_of, text_of, wrong

KEYS = ("by", "unless")


def read_approvals(node: Node) -> dict[str, ApprovalRule]:
    """Parse the approvals of a policy, by patterns of tools.

    Raises:
        PolicyError: a rule is invalid.
    """
    return {name: _rule(name, value) for name, (_, value) in members_of(node, "approve").items()}


def _rule(name: str, node: Node) -> ApprovalRule:
    """Parse `self`, `group:NAME`, or `{by: …, unless: …}`."""
    what = f"`approve` of {name!r}"
    if isinstance(node, ScalarNode):
        return ApprovalRule(read_approver(node, what))
    members = members_of(node, what)
    check_keys(members, KEYS, "part of an approval")
    if "by" not in members:
        raise wrong(node, f"{what} does not say who approves: by: self, or by: group:NAME")
    unless: tuple[Alternative, ...] = member_of(
        members, "unless", lambda value: read_alternatives(f"`unless` of {name!r}", value), otherwise=()
    )
    return ApprovalRule(read_approver(members["by"][1], what), unless)


def read_approver(node: Node, what: str) -> str:
    """Parse who approves.

    Args:
        what: names the node in errors.

    Raises:
        PolicyError: it is not an approver.
    """
    approver = text_of(node, what)
    if fault := fault_in_approver(approver):
        raise wrong(node, f"{what} is {approver!r}: {fault}")
    return approver

"""A parser for the `tests` of a policy file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from yaml.nodes import MappingNode, Node

from resource_service.policy.approvals_file import read_approver
from resource_service.policy.cases import NOON, OUTCOMES, PolicyCase, needs_approval
from resource_service.policy.conditions_file import read_hints
from resource_service.policy.nodes import (
    check_keys,
    member_of,
    members_of,
    seconds_of,
    text_of,
    texts_of,
    wrong,
)
from resource_service.policy.validation import did_you_mean
from shared.json_text import parse_json

MAX_CASES = 1_000
EXPECTED = (*OUTCOMES, "{approve: self}")
TIME = "%Y-%m-%dT%H:%M"
REQUESTS = MappingProxyType(
    {
        "tool": ("tools/call", "name"),
        "prompt": ("prompts/get", "name"),
        "resource": ("resources/read", "uri"),
    }
)
"""Maps the member that names what is used to the method, and to the parameter with the name."""
KEYS = (
    *REQUESTS,
    "method",
    "arguments",
    "scopes",
    "groups",
    "acr",
    "login_age",
    "time",
    "annotations",
    "expect",
)


def read_cases(node: Node) -> dict[str, PolicyCase]:
    """Parse the cases of a policy, by name.

    Raises:
        PolicyError: a case is invalid.
    """
    members = members_of(node, "tests")
    if len(members) > MAX_CASES:
        raise wrong(node, f"there are more than {MAX_CASES} tests")
    return {name: _case(f"the test {name!r}", value) for name, (_, value) in members.items()}


def _case(what: str, node: Node) -> PolicyCase:
    members = members_of(node, what)
    check_keys(members, KEYS, "part of a test")
    if "expect" not in members:
        raise wrong(node, f"{what} expects nothing; write expect: {', or '.join(EXPECTED)}")
    method, params = _request(what, node, members)
    return PolicyCase(
        method=method,
        params=params,
        scopes=_names(members, "scopes", what),
        groups=_names(members, "groups", what),
        acr=member_of(members, "acr", lambda value: text_of(value, f"acr of {what}"), otherwise=None),
        login_age_s=member_of(
            members, "login_age", lambda value: seconds_of(value, f"login_age of {what}"), otherwise=None
        ),
        time=member_of(members, "time", lambda value: _time(value, what), otherwise=NOON),
        annotations=member_of(members, "annotations", lambda value: read_hints(what, value), otherwise=None),
        expected=_expected(members["expect"][1], what),
    )


def _request(
    what: str, node: Node, members: Mapping[str, tuple[Node, Node]]
) -> tuple[str, Mapping[str, Any]]:
    """Return the method of the request and its parameters."""
    named = [member for member in (*REQUESTS, "method") if member in members]
    if len(named) != 1:
        raise wrong(node, f"{what} must name one of {', '.join(REQUESTS)} or method")
    (member,) = named
    text = text_of(members[member][1], f"{member} of {what}")
    if member == "method":
        return text, {}
    method, parameter = REQUESTS[member]
    params: dict[str, Any] = {parameter: text}
    if "arguments" in members:
        params["arguments"] = _arguments(members["arguments"][1], what)
    return method, params


def _names(members: Mapping[str, tuple[Node, Node]], member: str, what: str) -> frozenset[str]:
    return frozenset(texts_of(members[member][1], what)) if member in members else frozenset()


def _arguments(node: Node, what: str) -> object:
    text = text_of(node, f"arguments of {what}")
    try:
        return parse_json(text)
    except ValueError:
        raise wrong(node, f"arguments of {what} must be JSON, in single quotes") from None


def _time(node: Node, what: str) -> datetime:
    text = text_of(node, f"time of {what}")
    try:
        return datetime.strptime(text, TIME).replace(tzinfo=UTC)
    except ValueError:
        raise wrong(node, f"time of {what} is {text!r}, and must be like 2026-12-31T23:59, UTC") from None


def _expected(node: Node, what: str) -> str:
    if isinstance(node, MappingNode):
        members = members_of(node, f"expect of {what}")
        check_keys(members, ("approve",), "part of what a test expects")
        if not members:
            raise wrong(node, f"{what} expects nothing; write expect: {{approve: self}}")
        return needs_approval(read_approver(members["approve"][1], f"expect of {what}"))
    text = text_of(node, f"expect of {what}")
    if text not in OUTCOMES:
        hint = did_you_mean(text, OUTCOMES)
        raise wrong(node, f"{what} expects {text!r}; a policy decides {', or '.join(EXPECTED)}{hint}")
    return text

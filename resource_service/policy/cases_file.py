"""A parser for the `tests` of a policy file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from yaml.nodes import Node, SequenceNode

from resource_service.policy.cases import OUTCOMES, PolicyCase
from resource_service.policy.nodes import member_of, members_of, seconds_of, text_of, wrong
from resource_service.policy.validation import did_you_mean

MAX_CASES = 1_000
REQUESTS = MappingProxyType(
    {
        "tool": ("tools/call", "name"),
        "prompt": ("prompts/get", "name"),
        "resource": ("resources/read", "uri"),
    }
)
"""Maps the member that names what is used to the method, and to the parameter with the name."""
KEYS = (*REQUESTS, "method", "scopes", "groups", "acr", "login_age", "expect")


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
    for member, (key, _) in members.items():
        if member not in KEYS:
            raise wrong(key, f"{member!r} is not part of a test{did_you_mean(member, KEYS)}")
    if "expect" not in members:
        raise wrong(node, f"{what} expects nothing; write expect: {', or '.join(OUTCOMES)}")
    method, params = _request(what, node, members)
    return PolicyCase(
        method=method,
        params=params,
        scopes=member_of(members, "scopes", lambda value: _texts(value, what), otherwise=frozenset()),
        groups=member_of(members, "groups", lambda value: _texts(value, what), otherwise=frozenset()),
        acr=member_of(members, "acr", lambda value: text_of(value, f"acr of {what}"), otherwise=None),
        login_age_s=member_of(
            members, "login_age", lambda value: seconds_of(value, f"login_age of {what}"), otherwise=None
        ),
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
    return method, {parameter: text}


def _texts(node: Node, what: str) -> frozenset[str]:
    """Parse one text, or a list of several."""
    items = node.value if isinstance(node, SequenceNode) else [node]
    return frozenset(text_of(item, what) for item in items)


def _expected(node: Node, what: str) -> str:
    text = text_of(node, f"expect of {what}")
    if text not in OUTCOMES:
        hint = did_you_mean(text, OUTCOMES)
        raise wrong(node, f"{what} expects {text!r}; a policy decides {', or '.join(OUTCOMES)}{hint}")
    return text

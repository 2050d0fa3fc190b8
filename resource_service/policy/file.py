"""A parser for policy files, in plain YAML. Unknown keys are refused, and every error names its line."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode

from resource_service.policy.approvals_file import read_approvals
from resource_service.policy.cases import PolicyCase
from resource_service.policy.cases_file import read_cases
from resource_service.policy.conditions_file import read_conditions
from resource_service.policy.groups import AnyGroup, Needed
from resource_service.policy.limits_file import read_limits
from resource_service.policy.nodes import (
    check_keys,
    choice_of,
    items_of,
    line_at,
    member_of,
    members_of,
    seconds_of,
    text_of,
    truth_of,
    wrong,
)
from resource_service.policy.pinning import OnDifference, Pinning
from resource_service.policy.rules import Policy, Scopes
from resource_service.policy.step_up import StepUp
from resource_service.policy.validation import Place, PolicyError
from shared.journal.redaction import Redaction
from shared.logs import get_logger
from shared.plain_yaml import PlainYamlError, root_node

MAX_BYTES = 262_144
KEYS = (
    *("scopes", "default", "tools", "prompts", "resources", "methods"),
    *("hide", "publish", "step_up", "contact", "journal", "pin", "pin_changes"),
    *("limits", "approve", "when", "tests"),
)
KINDS = ("tools", "prompts", "resources", "methods")
VERSION_DIGITS = 16
STEP_UP_KEYS = ("acr", "max_age")
ACR = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}")
SCOPE_KEYS = ("description", "includes")
RULE_KEYS = ("scopes", "groups")
OLD_DESCRIPTION = "words"
"""The name of `description` until 2026; accepted for one more release."""

_log = get_logger(__name__)


def read_policy(path: Path) -> Policy:
    """Read the policy file at `path`.

    Raises:
        PolicyError: the file cannot be read, or its policy is invalid.
    """
    return parse_policy(policy_content(path))


def read_policy_cases(path: Path) -> dict[str, PolicyCase]:
    """Read the cases of the policy file at `path`, by name.

    Raises:
        PolicyError: the file cannot be read, or a case is invalid.
    """
    return parse_cases(policy_content(path))


def policy_content(path: Path) -> bytes:
    """Return the bytes of the policy file at `path`.

    Raises:
        PolicyError: the file cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PolicyError(f"the file cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise PolicyError(f"the file is larger than {MAX_BYTES} bytes")
    return content


def parse_policy(content: bytes) -> Policy:
    """Parse the policy in `content`.

    Raises:
        PolicyError: the policy is invalid.
    """
    members = _policy_members(content)
    for required in ("scopes", "default"):
        if required not in members:
            raise PolicyError(f"{required!r} is missing{_WHY[required]}")
    scopes = {
        name: _scope(name, value) for name, (_, value) in members_of(members["scopes"][1], "scopes").items()
    }
    rules: dict[str, Any] = {kind: _rules(members[kind][1], kind) for kind in KINDS if kind in members}
    try:
        return Policy(
            scopes={name: description for name, (description, _) in scopes.items()},
            includes={name: includes for name, (_, includes) in scopes.items() if includes},
            default=_rule(members["default"][1], "default"),
            hide=member_of(members, "hide", truth_of, otherwise=False),
            publish=member_of(members, "publish", truth_of, otherwise=True),
            step_up=member_of(members, "step_up", _step_ups, otherwise={}),
            contact=member_of(members, "contact", lambda node: text_of(node, "contact"), otherwise=None),
            journal=member_of(members, "journal", _redactions, otherwise={}),
            pin=member_of(members, "pin", lambda node: choice_of(node, "pin", Pinning), otherwise=None),
            pin_changes=member_of(
                members,
                "pin_changes",
                lambda node: choice_of(node, "pin_changes", OnDifference),
                otherwise=OnDifference.HOLD,
            ),
            limits=member_of(members, "limits", read_limits, otherwise={}),
            approve=member_of(members, "approve", read_approvals, otherwise={}),
            when=member_of(members, "when", read_conditions, otherwise={}),
            version=hashlib.sha256(content).hexdigest()[:VERSION_DIGITS],
            **rules,
        )
    except PolicyError as error:
        if error.line is not None:
            raise
        raise PolicyError(error.says, error.place, _line_of(members, error.place)) from None


def parse_cases(content: bytes) -> dict[str, PolicyCase]:
    """Parse the cases of the policy in `content`, by name.

    The service does not need them: a policy is as valid if it does not decide as they expect.

    Raises:
        PolicyError: a case is invalid.
    """
    return member_of(_policy_members(content), "tests", read_cases, otherwise={})


_WHY = {
    "scopes": "",
    "default": ": the scopes that everything else needs; [] if every valid token suffices",
}


def _root(content: bytes) -> Node:
    try:
        return root_node(content)
    except PlainYamlError as error:
        raise PolicyError(error.says, line=error.line) from None


def _policy_members(content: bytes) -> dict[str, tuple[Node, Node]]:
    members = members_of(_root(content), "the policy")
    check_keys(members, KEYS, "a key of a policy")
    return members


def _scope(name: str, node: Node) -> tuple[str, Scopes]:
    """Return the description of a scope, and the scopes that it includes."""
    if isinstance(node, ScalarNode):
        return node.value, Scopes()
    members = _with_description(members_of(node, f"the scope {name!r}"))
    check_keys(members, SCOPE_KEYS, "a member of a scope")
    if "description" not in members:
        raise wrong(node, f"the scope {name!r} has no description; the consent page needs one")
    description = text_of(members["description"][1], f"the description of {name!r}")
    return description, member_of(members, "includes", _includes, otherwise=Scopes())


def _with_description(members: dict[str, tuple[Node, Node]]) -> dict[str, tuple[Node, Node]]:
    if OLD_DESCRIPTION not in members or "description" in members:
        return members
    _log.warning("deprecated policy key", key=OLD_DESCRIPTION, use="description")
    return {"description" if key == OLD_DESCRIPTION else key: node for key, node in members.items()}


def _includes(node: Node) -> Scopes:
    return _scope_list(node, "includes")


def _rules(node: Node, kind: str) -> dict[str, Needed]:
    return {name: _rule(value, repr(name)) for name, (_, value) in members_of(node, kind).items()}


def _rule(node: Node, what: str) -> Needed:
    """Parse scopes, or `{scopes: …, groups: …}`."""
    if not isinstance(node, MappingNode):
        return Needed(_scope_list(node, what))
    members = members_of(node, what)
    check_keys(members, RULE_KEYS, "part of a rule")
    if "scopes" not in members:
        raise wrong(
            node, f"{what} does not say which scopes it needs; write [] if every valid token suffices"
        )
    scopes = Needed(_scope_list(members["scopes"][1], what))
    return scopes | member_of(members, "groups", lambda value: _groups(value, what), otherwise=Needed())


def _groups(node: Node, what: str) -> Needed:
    """Parse one group, or a list of several; a member of any of them may do it."""
    items = items_of(node)
    groups = [text_of(item, f"a group of {what}") for item in items]
    if not all(groups):
        raise wrong(node, f"{what} has a group without a name; omit `groups` if none is needed")
    if not groups:
        raise wrong(node, f"{what} names no group; omit `groups` if none is needed")
    if len(set(groups)) != len(groups):
        raise wrong(node, f"{what} names a group twice")
    return Needed({AnyGroup(frozenset(groups))})


def _step_ups(node: Node) -> dict[str, StepUp]:
    return {name: _step_up(name, value) for name, (_, value) in members_of(node, "step_up").items()}


def _step_up(name: str, node: Node) -> StepUp:
    """Parse `mfa`, or `{acr: mfa, max_age: 300}`."""
    if isinstance(node, ScalarNode):
        return StepUp(acr=_acr(node, name))
    members = members_of(node, f"the step-up of {name!r}")
    check_keys(members, STEP_UP_KEYS, "part of a step-up")
    if not members:
        raise wrong(node, f"the step-up of {name!r} names neither acr nor max_age")
    return StepUp(
        acr=member_of(members, "acr", lambda value: _acr(value, name), otherwise=None),
        max_age_s=member_of(
            members, "max_age", lambda value: seconds_of(value, f"max_age of {name!r}"), otherwise=None
        ),
    )


def _redactions(node: Node) -> dict[str, Redaction]:
    return {name: _redaction(name, value) for name, (_, value) in members_of(node, "journal").items()}


def _redaction(name: str, node: Node) -> Redaction:
    return choice_of(node, f"the journal of {name!r}", Redaction)


def _acr(node: Node, name: str) -> str:
    acr = text_of(node, f"the step-up of {name!r}")
    # RFC 9470 §3: acr_values is a list with spaces, inside a quoted string.
    if not ACR.fullmatch(acr):
        raise wrong(node, f"{acr!r} is not an acr: use printable ASCII without spaces and quotes")
    return acr


def _scope_list(node: Node, what: str) -> Scopes:
    """Parse one scope, or a list of several."""
    items = items_of(node)
    scopes = [text_of(item, what) for item in items]
    for item, scope in zip(items, scopes, strict=True):
        if not scope:
            raise wrong(item, f"{what} names no scope; write [] if every valid token suffices")
        if " " in scope:
            raise wrong(item, f"{what} names {scope!r}; several scopes are a list, like [one, other]")
    if len(set(scopes)) != len(scopes):
        raise wrong(node, f"{what} names a scope twice")
    return Scopes(scopes)


def _line_of(members: dict[str, tuple[Node, Node]], place: Place) -> int | None:
    return next(reversed(list(_lines(members, place))), None)


def _lines(members: dict[str, tuple[Node, Node]], place: Place) -> Iterator[int]:
    """Yield the line of each key on the way to `place`, as far as the file contains it."""
    for name in place:
        if name not in members:
            return
        key, value = members[name]
        yield line_at(key)
        members = members_of(value, name) if isinstance(value, MappingNode) else {}

"""A parser for policy files, in plain YAML. Unknown keys are refused, and every error names its line."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from resource_service.policy.groups import AnyGroup, Needed
from resource_service.policy.pinning import OnDifference, Pinning
from resource_service.policy.rules import Policy, Scopes
from resource_service.policy.step_up import StepUp
from resource_service.policy.validation import Place, PolicyError, did_you_mean
from shared.journal.redaction import Redaction
from shared.logs import get_logger
from shared.plain_yaml import PlainYamlError, mapping_members, root_node

MAX_BYTES = 262_144
KEYS = (
    *("scopes", "default", "tools", "prompts", "resources", "methods"),
    *("hide", "publish", "step_up", "contact", "journal", "pin", "pin_changes"),
)
KINDS = ("tools", "prompts", "resources", "methods")
VERSION_DIGITS = 16
STEP_UP_KEYS = ("acr", "max_age")
ACR = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}")
SCOPE_KEYS = ("description", "includes")
RULE_KEYS = ("scopes", "groups")
OLD_DESCRIPTION = "words"
"""The name of `description` until 2026; accepted for one more release."""

Value = TypeVar("Value")
Choice = TypeVar("Choice", bound=StrEnum)

_log = get_logger(__name__)


def read_policy(path: Path) -> Policy:
    """Read the policy file at `path`.

    Raises:
        PolicyError: the file cannot be read, or its policy is invalid.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PolicyError(f"the file cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise PolicyError(f"the file is larger than {MAX_BYTES} bytes")
    return parse_policy(content)


def parse_policy(content: bytes) -> Policy:
    """Parse the policy in `content`.

    Raises:
        PolicyError: the policy is invalid.
    """
    members = _members(_root(content), "the policy")
    for name, (key, _) in members.items():
        if name not in KEYS:
            raise _wrong(key, f"{name!r} is not a key of a policy{did_you_mean(name, KEYS)}")
    for required in ("scopes", "default"):
        if required not in members:
            raise PolicyError(f"{required!r} is missing{_WHY[required]}")
    scopes = {
        name: _scope(name, value) for name, (_, value) in _members(members["scopes"][1], "scopes").items()
    }
    rules: dict[str, Any] = {kind: _rules(members[kind][1], kind) for kind in KINDS if kind in members}
    try:
        return Policy(
            scopes={name: description for name, (description, _) in scopes.items()},
            includes={name: includes for name, (_, includes) in scopes.items() if includes},
            default=_rule(members["default"][1], "default"),
            hide=_member(members, "hide", _truth, otherwise=False),
            publish=_member(members, "publish", _truth, otherwise=True),
            step_up=_member(members, "step_up", _step_ups, otherwise={}),
            contact=_member(members, "contact", lambda node: _text(node, "contact"), otherwise=None),
            journal=_member(members, "journal", _redactions, otherwise={}),
            pin=_member(members, "pin", lambda node: _choice(node, "pin", Pinning), otherwise=Pinning.OFF),
            pin_changes=_member(
                members,
                "pin_changes",
                lambda node: _choice(node, "pin_changes", OnDifference),
                otherwise=OnDifference.HOLD,
            ),
            version=hashlib.sha256(content).hexdigest()[:VERSION_DIGITS],
            **rules,
        )
    except PolicyError as error:
        if error.line is not None:
            raise
        raise PolicyError(error.says, error.place, _line_of(members, error.place)) from None


_WHY = {
    "scopes": "",
    "default": ": the scopes that everything else needs; [] if every valid token suffices",
}


def _root(content: bytes) -> Node:
    try:
        return root_node(content)
    except PlainYamlError as error:
        raise PolicyError(error.says, line=error.line) from None


def _members(node: Node, what: str) -> dict[str, tuple[Node, Node]]:
    """Map each key to its key node and its value node."""
    if not isinstance(node, MappingNode):
        raise _wrong(node, f"{what} must be a list of `name: value` lines")
    try:
        return mapping_members(node)
    except PlainYamlError as error:
        raise PolicyError(error.says, line=error.line) from None


def _scope(name: str, node: Node) -> tuple[str, Scopes]:
    """Return the description of a scope, and the scopes that it includes."""
    if isinstance(node, ScalarNode):
        return node.value, Scopes()
    members = _with_description(_members(node, f"the scope {name!r}"))
    for member, (key, _) in members.items():
        if member not in SCOPE_KEYS:
            raise _wrong(key, f"{member!r} is not a member of a scope{did_you_mean(member, SCOPE_KEYS)}")
    if "description" not in members:
        raise _wrong(node, f"the scope {name!r} has no description; the consent page needs one")
    description = _text(members["description"][1], f"the description of {name!r}")
    return description, _member(members, "includes", _includes, otherwise=Scopes())


def _with_description(members: dict[str, tuple[Node, Node]]) -> dict[str, tuple[Node, Node]]:
    if OLD_DESCRIPTION not in members or "description" in members:
        return members
    _log.warning("deprecated policy key", key=OLD_DESCRIPTION, use="description")
    return {"description" if key == OLD_DESCRIPTION else key: node for key, node in members.items()}


def _includes(node: Node) -> Scopes:
    return _scope_list(node, "includes")


def _rules(node: Node, kind: str) -> dict[str, Needed]:
    return {name: _rule(value, repr(name)) for name, (_, value) in _members(node, kind).items()}


def _rule(node: Node, what: str) -> Needed:
    """Parse scopes, or `{scopes: …, groups: …}`."""
    if not isinstance(node, MappingNode):
        return Needed(_scope_list(node, what))
    members = _members(node, what)
    for member, (key, _) in members.items():
        if member not in RULE_KEYS:
            raise _wrong(key, f"{member!r} is not part of a rule{did_you_mean(member, RULE_KEYS)}")
    if "scopes" not in members:
        raise _wrong(
            node, f"{what} does not say which scopes it needs; write [] if every valid token suffices"
        )
    scopes = Needed(_scope_list(members["scopes"][1], what))
    return scopes | _member(members, "groups", lambda value: _groups(value, what), otherwise=Needed())


def _groups(node: Node, what: str) -> Needed:
    """Parse one group, or a list of several; a member of any of them may do it."""
    items = node.value if isinstance(node, SequenceNode) else [node]
    groups = [_text(item, f"a group of {what}") for item in items]
    if not all(groups):
        raise _wrong(node, f"{what} has a group without a name; omit `groups` if none is needed")
    if not groups:
        raise _wrong(node, f"{what} names no group; omit `groups` if none is needed")
    if len(set(groups)) != len(groups):
        raise _wrong(node, f"{what} names a group twice")
    return Needed({AnyGroup(frozenset(groups))})


def _step_ups(node: Node) -> dict[str, StepUp]:
    return {name: _step_up(name, value) for name, (_, value) in _members(node, "step_up").items()}


def _step_up(name: str, node: Node) -> StepUp:
    """Parse `mfa`, or `{acr: mfa, max_age: 300}`."""
    if isinstance(node, ScalarNode):
        return StepUp(acr=_acr(node, name))
    members = _members(node, f"the step-up of {name!r}")
    for member, (key, _) in members.items():
        if member not in STEP_UP_KEYS:
            raise _wrong(key, f"{member!r} is not part of a step-up{did_you_mean(member, STEP_UP_KEYS)}")
    if not members:
        raise _wrong(node, f"the step-up of {name!r} names neither acr nor max_age")
    return StepUp(
        acr=_member(members, "acr", lambda value: _acr(value, name), otherwise=None),
        max_age_s=_member(members, "max_age", lambda value: _seconds(value, name), otherwise=None),
    )


def _redactions(node: Node) -> dict[str, Redaction]:
    return {name: _redaction(name, value) for name, (_, value) in _members(node, "journal").items()}


def _redaction(name: str, node: Node) -> Redaction:
    return _choice(node, f"the journal of {name!r}", Redaction)


def _choice(node: Node, what: str, choices: type[Choice]) -> Choice:
    text = _text(node, what)
    try:
        return choices(text)
    except ValueError:
        raise _wrong(node, f"{what} is {text!r}, and must be one of {', '.join(choices)}") from None


def _acr(node: Node, name: str) -> str:
    acr = _text(node, f"the step-up of {name!r}")
    # RFC 9470 §3: acr_values is a list with spaces, inside a quoted string.
    if not ACR.fullmatch(acr):
        raise _wrong(node, f"{acr!r} is not an acr: use printable ASCII without spaces and quotes")
    return acr


def _seconds(node: Node, name: str) -> int:
    text = _text(node, f"max_age of {name!r}")
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise _wrong(node, f"max_age of {name!r} is {text!r}, and must be a number of seconds")
    return int(text)


def _scope_list(node: Node, what: str) -> Scopes:
    """Parse one scope, or a list of several."""
    items = node.value if isinstance(node, SequenceNode) else [node]
    scopes = [_text(item, what) for item in items]
    for item, scope in zip(items, scopes, strict=True):
        if not scope:
            raise _wrong(item, f"{what} names no scope; write [] if every valid token suffices")
        if " " in scope:
            raise _wrong(item, f"{what} names {scope!r}; several scopes are a list, like [one, other]")
    if len(set(scopes)) != len(scopes):
        raise _wrong(node, f"{what} names a scope twice")
    return Scopes(scopes)


def _text(node: Node, what: str) -> str:
    if not isinstance(node, ScalarNode):
        raise _wrong(node, f"{what} must be text")
    text: str = node.value
    return text


def _truth(node: Node) -> bool:
    value = _text(node, "this")
    if value not in ("true", "false"):
        raise _wrong(node, f"{value!r} is neither true nor false")
    return value == "true"


def _member(
    members: dict[str, tuple[Node, Node]], name: str, read: Callable[[Node], Value], *, otherwise: Value
) -> Value:
    return read(members[name][1]) if name in members else otherwise


def _line_of(members: dict[str, tuple[Node, Node]], place: Place) -> int | None:
    return next(reversed(list(_lines(members, place))), None)


def _lines(members: dict[str, tuple[Node, Node]], place: Place) -> Iterator[int]:
    """Yield the line of each key on the way to `place`, as far as the file contains it."""
    for name in place:
        if name not in members:
            return
        key, value = members[name]
        yield _line(key)
        members = _members(value, name) if isinstance(value, MappingNode) else {}


def _line(node: Node) -> int:
    line: int = node.start_mark.line
    return line + 1


def _wrong(node: Node, says: str) -> PolicyError:
    return _at(node.start_mark, says)


def _at(mark: Any, says: str) -> PolicyError:  # noqa: ANN401
    return PolicyError(says, line=None if mark is None else mark.line + 1)

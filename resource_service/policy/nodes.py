"""The nodes of a policy file as values. Every error names its line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from resource_service.policy.validation import PolicyError, did_you_mean
from shared.plain_yaml import PlainYamlError, mapping_members

Value = TypeVar("Value")
Choice = TypeVar("Choice", bound=StrEnum)


def members_of(node: Node, what: str) -> dict[str, tuple[Node, Node]]:
    """Map each key to its key node and its value node."""
    if not isinstance(node, MappingNode):
        raise wrong(node, f"{what} must be a list of `name: value` lines")
    try:
        return mapping_members(node)
    except PlainYamlError as error:
        raise PolicyError(error.says, line=error.line) from None


def check_keys(members: Mapping[str, tuple[Node, Node]], keys: Collection[str], role: str) -> None:
    """Check that every member has one of `keys`.

    Args:
        role: continues "'name' is not", such as ``part of a rule``.
    """
    for member, (key, _) in members.items():
        if member not in keys:
            raise wrong(key, f"{member!r} is not {role}{did_you_mean(member, keys)}")


def items_of(node: Node) -> list[Node]:
    """Return the items of a list; anything else is short for a list of one."""
    return list(node.value) if isinstance(node, SequenceNode) else [node]


def choice_of(node: Node, what: str, choices: type[Choice]) -> Choice:
    """Return the choice that a scalar names."""
    text = text_of(node, what)
    try:
        return choices(text)
    except ValueError:
        raise wrong(node, f"{what} is {text!r}, and must be one of {', '.join(choices)}") from None


def text_of(node: Node, what: str) -> str:
    """Return the text of a scalar."""
    if not isinstance(node, ScalarNode):
        raise wrong(node, f"{what} must be text")
    text: str = node.value
    return text


def member_of(
    members: dict[str, tuple[Node, Node]], name: str, read: Callable[[Node], Value], *, otherwise: Value
) -> Value:
    """Read the member `name`, if there is one."""
    return read(members[name][1]) if name in members else otherwise


def texts_of(node: Node, what: str) -> tuple[str, ...]:
    """Return the text of a scalar, or those of a list."""
    return tuple(text_of(item, what) for item in items_of(node))


def truth_of(node: Node) -> bool:
    """Return the truth value of a scalar."""
    value = text_of(node, "this")
    if value not in ("true", "false"):
        raise wrong(node, f"{value!r} is neither true nor false")
    return value == "true"


def seconds_of(node: Node, what: str) -> int:
    """Return the number of seconds in a scalar."""
    text = text_of(node, what)
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise wrong(node, f"{what} is {text!r}, and must be a number of seconds")
    return int(text)


def line_at(node: Node) -> int:
    """Return the line of a node, from 1."""
    line: int = node.start_mark.line
    return line + 1


def wrong(node: Node, says: str) -> PolicyError:
    """Return an error about a node, with its line."""
    return wrong_at(node.start_mark, says)


def wrong_at(mark: Any, says: str) -> PolicyError:  # noqa: ANN401
    """Return an error at a mark of the parser."""
    return PolicyError(says, line=None if mark is None else mark.line + 1)

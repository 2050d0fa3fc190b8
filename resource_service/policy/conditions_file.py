"""A parser for the conditions of a policy file: its `when`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from yaml.nodes import MappingNode, Node, ScalarNode

from resource_service.policy.arguments import ArgumentTest, decimal_of, fault_in
from resource_service.policy.conditions import DAYS, HINTS, MINUTES, Alternative, Hours
from resource_service.policy.nodes import (
    check_keys,
    items_of,
    member_of,
    members_of,
    text_of,
    texts_of,
    truth_of,
    wrong,
)

KEYS = ("arguments", "annotations", "scopes", "groups", "hours", "days", "zone")
TESTS = ("equals", "one_of", "match", "min", "max", "optional")
_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")


def read_conditions(node: Node) -> dict[str, tuple[Alternative, ...]]:
    """Parse the conditions of a policy, by patterns of tools.

    Raises:
        PolicyError: a condition is invalid.
    """
    return {
        name: read_alternatives(f"`when` of {name!r}", value)
        for name, (_, value) in members_of(node, "when").items()
    }


def read_alternatives(what: str, node: Node) -> tuple[Alternative, ...]:
    """Parse one alternative, or a list of several.

    Args:
        what: names the condition in errors.

    Raises:
        PolicyError: an alternative is invalid.
    """
    items = items_of(node)
    if not items:
        raise wrong(node, f"{what} has no alternative, so that the tool could never be called")
    return tuple(_alternative(what, item) for item in items)


def _alternative(what: str, node: Node) -> Alternative:
    members = members_of(node, what)
    check_keys(members, KEYS, "part of a condition")
    if not members:
        raise wrong(node, f"{what} has an alternative without a test")
    if "zone" in members and not {"hours", "days"} & set(members):
        raise wrong(node, f"{what} has a zone, but neither hours nor days")
    return Alternative(
        arguments=member_of(members, "arguments", lambda value: _arguments(what, value), otherwise=()),
        scopes=member_of(members, "scopes", lambda value: _names(what, value), otherwise=frozenset()),
        groups=member_of(members, "groups", lambda value: _names(what, value), otherwise=frozenset()),
        hours=member_of(members, "hours", lambda value: _hours(what, value), otherwise=None),
        days=member_of(members, "days", lambda value: _days(what, value), otherwise=frozenset()),
        zone=member_of(members, "zone", lambda value: _zone(what, value), otherwise=None),
        annotations=member_of(members, "annotations", lambda value: read_hints(what, value), otherwise={}),
    )


def _names(what: str, node: Node) -> frozenset[str]:
    names = texts_of(node, what)
    if not names or not all(names):
        raise wrong(node, f"{what} names nothing; leave the member out")
    return frozenset(names)


def _arguments(what: str, node: Node) -> tuple[ArgumentTest, ...]:
    members = members_of(node, f"arguments of {what}")
    if not members:
        raise wrong(node, f"arguments of {what} are empty; leave the member out")
    for pointer, (key, _) in members.items():
        if fault := fault_in(pointer):
            raise wrong(key, f"{pointer!r} is not a JSON Pointer to an argument, such as /amount: {fault}")
    return tuple(_test(pointer, value) for pointer, (_, value) in members.items())


def _test(pointer: str, node: Node) -> ArgumentTest:
    """Parse a value, a list of values, or a mapping of tests."""
    if isinstance(node, ScalarNode):
        return ArgumentTest(pointer=pointer, one_of=(text_of(node, pointer),))
    if not isinstance(node, MappingNode):
        return ArgumentTest(pointer=pointer, one_of=_values(pointer, node))
    members = members_of(node, pointer)
    check_keys(members, TESTS, "a test of an argument")
    if not members or {"equals", "one_of"} <= set(members):
        raise wrong(node, f"{pointer} needs a test: {', '.join(TESTS)}; equals or one_of, not both")
    return ArgumentTest(
        pointer=pointer,
        one_of=_one_of(pointer, members),
        match=member_of(members, "match", lambda value: _values(pointer, value), otherwise=None),
        minimum=member_of(members, "min", lambda value: _number(pointer, value), otherwise=None),
        maximum=member_of(members, "max", lambda value: _number(pointer, value), otherwise=None),
        optional=member_of(members, "optional", truth_of, otherwise=False),
    )


def _one_of(pointer: str, members: Mapping[str, tuple[Node, Node]]) -> tuple[str, ...] | None:
    if "equals" in members:
        return (text_of(members["equals"][1], f"equals of {pointer}"),)
    return _values(pointer, members["one_of"][1]) if "one_of" in members else None


def _values(pointer: str, node: Node) -> tuple[str, ...]:
    values = texts_of(node, pointer)
    if not values:
        raise wrong(node, f"{pointer} could have no value")
    return values


def _number(pointer: str, node: Node) -> Decimal:
    text = text_of(node, f"a bound of {pointer}")
    number = decimal_of(text) if len(text) <= 40 else None
    if number is None:
        raise wrong(node, f"a bound of {pointer} is {text!r}, and must be a number")
    return number


def _hours(what: str, node: Node) -> Hours:
    text = text_of(node, f"hours of {what}")
    match = _HOURS.fullmatch(text)
    if match is None:
        raise wrong(node, f"hours of {what} are {text!r}, and must be like 08:00-18:00, UTC")
    begin, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if begin == end or end > MINUTES:
        raise wrong(node, f"hours of {what} are {text!r}, and must be a part of a day")
    return Hours(begin, end)


def read_hints(what: str, node: Node) -> dict[str, bool]:
    """Parse annotations of a tool.

    Raises:
        PolicyError: one is not an annotation that is true or false.
    """
    members = members_of(node, f"annotations of {what}")
    check_keys(members, (*HINTS,), "an annotation")
    if not members:
        raise wrong(node, f"annotations of {what} are empty; leave the member out")
    return {name: truth_of(value) for name, (_, value) in members.items()}


def _zone(what: str, node: Node) -> ZoneInfo:
    name = text_of(node, f"zone of {what}")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise wrong(
            node,
            f"zone of {what} is {name!r}, and must be a time zone that this machine has, like Europe/Berlin",
        ) from None


def _days(what: str, node: Node) -> frozenset[int]:
    days = texts_of(node, what)
    for day in days:
        if day not in DAYS:
            raise wrong(node, f"days of {what} name {day!r}, and must be of {', '.join(DAYS)}")
    if not days:
        raise wrong(node, f"days of {what} are empty; leave the member out")
    return frozenset(map(DAYS.index, days))

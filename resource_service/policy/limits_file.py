"""A parser for the `limits` of a policy file."""

from __future__ import annotations

import re

from yaml.nodes import Node

from resource_service.policy.limits import MAX_CALLS, MAX_CONCURRENCY, SELECTING, UNITS, Limit, Per, Rate
from resource_service.policy.nodes import (
    check_keys,
    choice_of,
    items_of,
    member_of,
    members_of,
    text_of,
    texts_of,
    wrong,
)

AMOUNTS = ("rate", "concurrency", "daily")
KEYS = ("per", *AMOUNTS, *SELECTING)
_RATE = re.compile(r"([0-9]{1,10})/([a-z]{1,10})")
_NUMBER = re.compile(r"[0-9]{1,10}")


def read_limits(node: Node) -> dict[str, Limit]:
    """Parse the limits of a policy, by name.

    Raises:
        PolicyError: a limit is invalid.
    """
    return {name: _limit(name, value) for name, (_, value) in members_of(node, "limits").items()}


def _limit(name: str, node: Node) -> Limit:
    what = f"the limit {name!r}"
    members = members_of(node, what)
    check_keys(members, KEYS, "part of a limit")
    if "per" not in members:
        raise wrong(
            node, f"{what} does not say what it counts for: per: {', '.join(Per)}, or several of them"
        )
    if not any(amount in members for amount in AMOUNTS):
        raise wrong(node, f"{what} has none of {', '.join(AMOUNTS)}")
    return Limit(
        per=_per(members["per"][1], what),
        rate=member_of(members, "rate", lambda value: _rate(value, what), otherwise=None),
        concurrency=member_of(
            members,
            "concurrency",
            lambda value: _number(value, f"the concurrency of {what}", MAX_CONCURRENCY),
            otherwise=None,
        ),
        daily=member_of(
            members, "daily", lambda value: _number(value, f"daily of {what}", MAX_CALLS), otherwise=None
        ),
        selected={kind: _patterns(members[kind][1], what) for kind in SELECTING if kind in members},
    )


def _per(node: Node, what: str) -> tuple[Per, ...]:
    chosen = [choice_of(item, f"`per` of {what}", Per) for item in items_of(node)]
    if not chosen:
        raise wrong(node, f"`per` of {what} is empty")
    if len(set(chosen)) != len(chosen):
        raise wrong(node, f"`per` of {what} names something twice")
    if Per.MOUNT in chosen and len(chosen) > 1:
        raise wrong(node, f"`per: mount` of {what} counts all calls together, so nothing can be beside it")
    return tuple(chosen)


def _rate(node: Node, what: str) -> Rate:
    text = text_of(node, f"the rate of {what}")
    match = _RATE.fullmatch(text)
    if match is None or match[2] not in UNITS or not 1 <= int(match[1]) <= MAX_CALLS:
        raise wrong(
            node, f"the rate of {what} is {text!r}, and must be like 60/minute; units: {', '.join(UNITS)}"
        )
    return Rate(int(match[1]), match[2])


def _number(node: Node, what: str, maximum: int) -> int:
    text = text_of(node, what)
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= maximum:
        raise wrong(node, f"{what} is {text!r}, and must be a number from 1 to {maximum}")
    return int(text)


def _patterns(node: Node, what: str) -> tuple[str, ...]:
    patterns = texts_of(node, f"a pattern of {what}")
    if not patterns:
        raise wrong(node, f"{what} selects nothing; omit the key if all calls count")
    if len(set(patterns)) != len(patterns):
        raise wrong(node, f"{what} names a pattern twice")
    return patterns

"""Validate policies. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

from resource_service.policy.groups import AnyGroup, Needed, fault_in, named_in, scopes_in
from resource_service.policy.patterns import ANY, covers, is_exact
from shared.scopes import SCOPE_TOKEN

if TYPE_CHECKING:
    from resource_service.policy.limits import Limits
    from resource_service.policy.rules import Policy

RESERVED = frozenset({"openid", "profile", "groups", "offline_access"})
"""Scopes of the authorization server itself."""

MAX_DESCRIPTION = 200
MAX_LIMITS = 50
MAX_LIMIT_NAME = 100

# RFC 3986 §3.1: the scheme of a URI, up to the first wildcard of a pattern
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*\Z")

Place = tuple[str, ...]


class PolicyError(ValueError):
    """A policy is invalid.

    Args:
        says: a sentence for the author of the policy.
        place: the keys that lead to the error, from the outside in.
        line: the line in the file, from 1; None if unknown.
    """

    def __init__(self, says: str, place: Place = (), line: int | None = None) -> None:
        super().__init__(says if line is None else f"line {line}: {says}")
        self.says = says
        self.place = place
        self.line = line


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Return a suggestion to append to an error about `word`; empty if no candidate is similar."""
    close = get_close_matches(word, list(candidates), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def faults_in(policy: Policy) -> Iterator[PolicyError]:
    """Yield all errors in `policy`, in the order of its members."""
    yield from _scopes(policy)
    yield from _unknown(policy.default, policy, ("default",))
    yield from _contact(policy.contact)
    yield from _unknown(policy.required, policy, ("required",))
    for kind in ("tools", "prompts", "resources", "methods"):
        rules: Mapping[str, Needed] = getattr(policy, kind)
        for pattern, needed in rules.items():
            place = (kind, pattern)
            yield from _unknown(needed, policy, place)
            if reason := _unusable(pattern) or (kind == "resources" and _no_uri(pattern)):
                yield PolicyError(f"{pattern!r} can never match: {reason}", place)
        yield from _shadowed(kind, list(rules))
    for pattern in policy.journal:
        if reason := _unusable(pattern):
            yield PolicyError(f"{pattern!r} can never match: {reason}", ("journal", pattern))
    yield from _shadowed("journal", list(policy.journal))
    yield from _limits(policy.limits)
    yield from _conditions(policy)


def _conditions(policy: Policy) -> Iterator[PolicyError]:
    rules = [("when", pattern, alternatives) for pattern, alternatives in policy.when.items()]
    rules += [("approve", pattern, rule.unless) for pattern, rule in policy.approve.items()]
    for kind, pattern, alternatives in rules:
        place = (kind, pattern)
        if reason := _unusable(pattern):
            yield PolicyError(f"{pattern!r} can never match: {reason}", place)
        for alternative in alternatives:
            groups = (AnyGroup(alternative.groups),) if alternative.groups else ()
            yield from _unknown((*alternative.scopes, *groups), policy, place)
    yield from _shadowed("when", list(policy.when))
    yield from _shadowed("approve", list(policy.approve))


def _limits(limits: Limits) -> Iterator[PolicyError]:
    if len(limits) > MAX_LIMITS:
        yield PolicyError(f"there are {len(limits)} limits, and may be {MAX_LIMITS}", ("limits",))
    for name, limit in limits.items():
        if not name.isprintable() or not name.strip() or len(name) > MAX_LIMIT_NAME:
            yield PolicyError(
                f"{name!r} cannot name a limit: use one line of at most {MAX_LIMIT_NAME} characters",
                ("limits", name),
            )
        for kind, patterns in limit.selected.items():
            for pattern in patterns:
                if reason := _unusable(pattern) or (kind == "resources" and _no_uri(pattern)):
                    yield PolicyError(f"{pattern!r} can never match: {reason}", ("limits", name, kind))


def _scopes(policy: Policy) -> Iterator[PolicyError]:
    for scope, description in policy.scopes.items():
        place = ("scopes", scope)
        if not SCOPE_TOKEN.match(scope):
            yield PolicyError(
                f"{scope!r} cannot be a scope, which is printable ASCII without spaces, quotes, backslashes",
                place,
            )
        if scope in RESERVED:
            yield PolicyError(
                f"{scope!r} is a scope of the authorization server, not of an MCP server", place
            )
        if not description.strip():
            yield PolicyError(f"{scope!r} needs a description, which people read on the consent page", place)
        if len(description) > MAX_DESCRIPTION or not description.isprintable():
            yield PolicyError(
                f"the description of {scope!r} must be one line, at most {MAX_DESCRIPTION} characters",
                place,
            )
    for scope, narrower in policy.includes.items():
        yield from _unknown({scope}, policy, ("scopes", scope))
        yield from _unknown(narrower, policy, ("scopes", scope, "includes"))
        if way := _way_back(policy.includes, scope):
            yield PolicyError(
                f"a scope cannot include itself: {' includes '.join(way)}", ("scopes", scope, "includes")
            )


def _unknown(needed: Iterable[str | AnyGroup], policy: Policy, place: Place) -> Iterator[PolicyError]:
    needed = Needed(needed)
    for scope in sorted(scopes_in(needed)):
        if scope not in policy.scopes:
            hint = did_you_mean(scope, policy.scopes)
            yield PolicyError(f"{scope!r} is not one of the scopes{hint}", place)
    for group in sorted(named_in([needed])):
        if fault := fault_in(group):
            yield PolicyError(f"{group!r} cannot be a group: {fault}", place)


def _contact(contact: str | None) -> Iterator[PolicyError]:
    if contact is not None and not (
        contact.strip() and contact.isprintable() and len(contact) <= MAX_DESCRIPTION
    ):
        yield PolicyError(f"contact must be one line, at most {MAX_DESCRIPTION} characters", ("contact",))


def _way_back(includes: Mapping[str, frozenset[str]], start: str) -> list[str]:
    """Return a cycle of inclusions from `start` back to it; empty if it is in no cycle."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for narrower in sorted(includes.get(way[-1], ())):
            if narrower == start:
                return [*way, start]
            if narrower not in seen:
                seen.add(narrower)
                ways.append([*way, narrower])
    return []


def _unusable(pattern: str) -> str:
    if not pattern:
        return "it is empty"
    if pattern != pattern.strip():
        return "a name must not begin or end with a space"
    if not pattern.isprintable():
        return "it contains an invisible character"
    return ""


def _no_uri(pattern: str) -> str:
    scheme, colon, _ = pattern.partition(":")
    beginning, star, _ = scheme.partition(ANY)
    if (colon or star) and (_SCHEME.match(beginning) or (star and not beginning)):
        return ""
    return "the URI of a resource begins with a scheme, like file:///notes/*"


def _shadowed(kind: str, patterns: list[str]) -> Iterator[PolicyError]:
    for number, pattern in enumerate(patterns):
        if is_exact(pattern):
            continue  # an exact name wins over every pattern
        for earlier in patterns[:number]:
            if not is_exact(earlier) and covers(earlier, pattern):
                says = (
                    f"{pattern!r} can never match: {earlier!r} above it matches the same names; put it first"
                )
                yield PolicyError(says, (kind, pattern))
                break

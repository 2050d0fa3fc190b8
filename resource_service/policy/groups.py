"""Groups that a policy names beside scopes. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ANY_TEXT = "*"
MAX_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class AnyGroup:
    """A requirement that a member of any one of these groups meets."""

    groups: frozenset[str]

    def __str__(self) -> str:
        return f"one of the groups {', '.join(sorted(self.groups))}"


Needed = frozenset[str | AnyGroup]
"""The requirements of a tool, prompt or resource: every scope, and one group of each `AnyGroup`."""


def scopes_in(needed: Needed) -> frozenset[str]:
    """Return the scopes in `needed`."""
    return frozenset(need for need in needed if isinstance(need, str))


def groups_in(needed: Needed) -> list[AnyGroup]:
    """Return the group requirements in `needed`, in a fixed order."""
    return sorted((need for need in needed if isinstance(need, AnyGroup)), key=str)


def named_in(needs: Iterable[Needed]) -> frozenset[str]:
    """Return every group that any of `needs` names."""
    return frozenset(group for needed in needs for need in groups_in(needed) for group in need.groups)


def fault_in(group: str) -> str:
    """Return why `group` cannot be the name of a group; empty if it can."""
    if group == ANY_TEXT:
        return "groups have exact names; patterns are not supported"
    if not group or group != group.strip() or not group.isprintable() or len(group) > MAX_CHARACTERS:
        return f"a group is named in one line of at most {MAX_CHARACTERS} characters"
    return ""

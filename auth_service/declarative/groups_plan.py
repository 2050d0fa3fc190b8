"""Plans changes of local groups. The members of a named group become those that the file lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from auth_service.access.groups import MAX_GROUPS, MAX_GROUPS_OF_MEMBER
from auth_service.declarative.model import Action, GroupChange, Section


def plan_groups(
    section: Section[frozenset[str]], groups: Mapping[str, frozenset[str]], problems: list[str]
) -> list[GroupChange]:
    """Return the changes. A group without members does not exist."""
    wanted = dict(section.entries)
    if section.prune:
        wanted |= {name: frozenset[str]() for name in groups if name not in wanted}
    _check_limits({**groups, **wanted}, problems)
    changes = (_change(name, groups.get(name, frozenset()), members) for name, members in wanted.items())
    # A member who leaves one group makes room for another.
    return sorted(filter(None, changes), key=lambda change: bool(change.added))


def _change(name: str, before: frozenset[str], after: frozenset[str]) -> GroupChange | None:
    if before == after:
        return None
    action: Action = "add" if not before else "change" if after else "remove"
    added, removed = after - before, before - after
    details = (*(f"+ {member}" for member in sorted(added)), *(f"- {member}" for member in sorted(removed)))
    return GroupChange(action=action, name=name, added=added, removed=removed, details=details)


def _check_limits(groups: Mapping[str, frozenset[str]], problems: list[str]) -> None:
    if sum(map(bool, groups.values())) > MAX_GROUPS:
        problems.append(f"groups: there would be more than {MAX_GROUPS}")
    counts = Counter(member for members in groups.values() for member in members)
    problems.extend(
        f"groups: {member} would be in more than {MAX_GROUPS_OF_MEMBER}"
        for member, count in sorted(counts.items())
        if count > MAX_GROUPS_OF_MEMBER
    )

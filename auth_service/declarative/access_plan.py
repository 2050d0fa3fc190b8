"""Plans the change of the access rules, which are one document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from auth_service.declarative.model import AccessChange, Section, State
from auth_service.protocol.access import Access
from auth_service.protocol.access_document import (
    MAX_BYTES,
    InvalidAccessError,
    access_document,
    parse_access,
)
from auth_service.protocol.access_rules import rules_of

BEGIN = "access rules take effect: access that no rule grants is refused"


def plan_access(section: Section[Access], state: State, problems: list[str]) -> list[AccessChange]:
    """Return the change, if there is one."""
    declared, before = section.entries["rules"], state.access
    after = declared if section.prune or before is None else _merged(before, declared)
    if before == after:
        return []
    try:
        document = access_document(parse_access(access_document(after)))
        if len(json.dumps(document)) > MAX_BYTES:
            raise InvalidAccessError(f"the access rules would be larger than {MAX_BYTES} bytes")
    except InvalidAccessError as error:
        problems.extend(f"access: {problem}" for problem in error.problems)
        return []
    begin = () if before else (BEGIN,)
    return [
        AccessChange(
            action="change" if before else "add",
            name="rules",
            access=after,
            version=state.access_version,
            declared=state.access_declared | _set_by_file(before, declared),
            details=(*begin, *_differences(access_document(before or Access()), document)),
        )
    ]


def _merged(before: Access, declared: Access) -> Access:
    return Access(
        groups={**before.groups, **declared.groups},
        people={**before.people, **declared.people},
        contact=declared.contact or before.contact,
    )


def _set_by_file(before: Access | None, declared: Access) -> frozenset[str]:
    existing = set(rules_of(before)) if before else set()
    return frozenset(rule.rule_id for rule in rules_of(declared) if rule not in existing)


def _differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    old, new = dict(_lines(before)), dict(_lines(after))
    for place in dict.fromkeys((*old, *new)):
        if place in old and place in new and old[place] != new[place]:
            yield f"{place}: {old[place]} -> {new[place]}"
        elif place not in new:
            yield f"- {place}: {old[place]}"
        elif place not in old:
            yield f"+ {place}: {new[place]}"


def _lines(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if contact := document.get("contact"):
        yield "contact", contact
    for key in ("groups", "people"):
        for name, resources in document[key].items():
            for resource, scopes in resources.items():
                yield f"{key} {name} {resource}", scopes if isinstance(scopes, str) else " ".join(scopes)

"""Single access rules: what one group or person may hold at one resource (DESIGN D16)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from auth_service.protocol.access import ALL, Access, Resources
from auth_service.protocol.access_document import InvalidAccessError, access_document, parse_access

Holder = Literal["group", "person"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRule:
    """One line of the access rules.

    Attributes:
        name: of the group or person, as in `Access`.
        resource: its URL, or `ALL`.
        scopes: the scopes, or `ALL`.
    """

    holder: Holder
    name: str
    resource: str
    scopes: frozenset[str]

    @property
    def rule_id(self) -> str:
        """The id of the rule, which stays the same when its scopes change."""
        text = json.dumps([self.holder, self.name, self.resource])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def written_scopes(self) -> str | list[str]:
        """The scopes as the rules in a file write them."""
        return ALL if ALL in self.scopes else sorted(self.scopes)


def parse_rule(holder: str, name: object, resource: object, scopes: object) -> AccessRule:
    """Parse one rule by the grammar of the file.

    Raises:
        InvalidAccessError: the rule is not valid.
    """
    if holder not in ("group", "person"):
        raise InvalidAccessError("a rule is for a group or for a person")
    key = "groups" if holder == "group" else "people"
    # Keys of JSON objects are text; anything else is refused as the wrong name.
    access = parse_access({key: {str(name): {str(resource): scopes}}})
    return next(rules_of(access))


def rules_of(access: Access) -> Iterator[AccessRule]:
    """Return the rules one by one: those of groups first, then by name and resource."""
    yield from _rules("group", access.groups)
    yield from _rules("person", access.people)


def rule_named(access: Access, rule_id: str) -> AccessRule | None:
    """Return the rule with that id."""
    return next((rule for rule in rules_of(access) if rule.rule_id == rule_id), None)


def with_rule(access: Access, rule: AccessRule) -> Access:
    """Return the rules with this one added or replaced.

    Raises:
        InvalidAccessError: there would be too many.
    """
    holders = _holders(access, rule)
    resources = {**holders.get(rule.name, {}), rule.resource: rule.scopes}
    changed = _with_holders(access, rule, {**holders, rule.name: resources})
    return parse_access(access_document(changed))


def without_rule(access: Access, rule: AccessRule) -> Access:
    """Return the rules without this one."""
    holders = _holders(access, rule)
    rest = {url: scopes for url, scopes in holders.get(rule.name, {}).items() if url != rule.resource}
    others = {name: resources for name, resources in holders.items() if name != rule.name}
    return _with_holders(access, rule, {**others, rule.name: rest} if rest else others)


def rule_ids(access: Access) -> Collection[str]:
    """Return the ids of all rules."""
    return [rule.rule_id for rule in rules_of(access)]


def _rules(holder: Holder, holders: Mapping[str, Resources]) -> Iterator[AccessRule]:
    for name, resources in sorted(holders.items()):
        for resource, scopes in sorted(resources.items()):
            yield AccessRule(holder=holder, name=name, resource=resource, scopes=scopes)


def _holders(access: Access, rule: AccessRule) -> Mapping[str, Resources]:
    return access.groups if rule.holder == "group" else access.people


def _with_holders(access: Access, rule: AccessRule, holders: Mapping[str, Resources]) -> Access:
    return replace(access, groups=holders) if rule.holder == "group" else replace(access, people=holders)

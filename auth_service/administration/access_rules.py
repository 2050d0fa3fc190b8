"""Changes single access rules, with a log line for each (DESIGN D16)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from auth_service.access.rules import AccessChangedError, AccessRules, CurrentAccess
from auth_service.administration.actors import Actor
from auth_service.protocol.access import Access
from auth_service.protocol.access_document import access_document, parse_access
from auth_service.protocol.access_rules import AccessRule, rule_named, with_rule, without_rule
from shared.texts import Text

_ATTEMPTS = 10
Change = Callable[[CurrentAccess], Access | None]
"""Returns the rules afterwards, or None if nothing is to be changed."""


class RuleExistsError(ValueError):
    """The group or person has a rule for the resource, with other scopes."""

    def __init__(self) -> None:
        super().__init__(Text("there is a rule for this name and resource already; edit it instead"))


class EverythingOpenError(ValueError):
    """There are no rules: the first one would take everything else away from everybody."""

    def __init__(self) -> None:
        super().__init__(
            Text("there are no access rules, and the first one closes everything that no rule grants")
        )


class NoSuchRuleError(LookupError):
    """The rule does not exist, or no longer."""


@dataclass(frozen=True)
class AccessRuleAdministration:
    """The operations on access rules. Each is safe to repeat, and keeps what others change meanwhile."""

    rules: AccessRules

    async def add(self, actor: Actor, rule: AccessRule, *, closes: bool = False) -> None:
        """Add a rule; nothing changes if it exists.

        Args:
            closes: whether the actor knows that the first rule closes everything that no rule grants.

        Raises:
            EverythingOpenError: it would be the first rule, without `closes`.
            RuleExistsError: the name has another rule for the resource.
            ValueError: there are too many rules.
        """

        def change(current: CurrentAccess) -> Access | None:
            if current.access is None and not closes:
                raise EverythingOpenError
            access = current.access or Access()
            existing = rule_named(access, rule.rule_id)
            if existing is not None and existing != rule:
                raise RuleExistsError
            return None if existing else with_rule(access, rule)

        if await self._change(change):
            actor.audit("access rule added", **_logged(rule))

    async def edit(
        self, actor: Actor, rule: AccessRule, *, require: Callable[[AccessRule], None] = lambda _: None
    ) -> None:
        """Replace the scopes of a rule; nothing changes if it has them already.

        Args:
            require: raises if the rule is not the one that the actor has seen.

        Raises:
            NoSuchRuleError: the rule does not exist.
        """

        def change(current: CurrentAccess) -> Access | None:
            existing = _existing(current, rule.rule_id)
            if existing == rule:
                return None
            require(existing)
            return with_rule(current.access or Access(), rule)

        if await self._change(change):
            actor.audit("access rule changed", **_logged(rule))

    async def remove(self, actor: Actor, rule_id: str) -> AccessRule:
        """Remove a rule; return what it was.

        Raises:
            NoSuchRuleError: the rule does not exist.
        """
        removed: list[AccessRule] = []

        def change(current: CurrentAccess) -> Access | None:
            removed[:] = [_existing(current, rule_id)]
            return without_rule(current.access or Access(), removed[0])

        await self._change(change)
        actor.audit("access rule removed", **_logged(removed[0]))
        return removed[0]

    async def set_contact(self, actor: Actor, contact: str | None) -> None:
        """Set or remove the contact whom people ask for access.

        Raises:
            EverythingOpenError: there are no rules.
            ValueError: it is not one line of text.
        """

        def change(current: CurrentAccess) -> Access | None:
            if current.access is None:
                raise EverythingOpenError
            changed = replace(current.access, contact=contact or None)
            return None if changed == current.access else parse_access(access_document(changed))

        if await self._change(change):
            actor.audit("access contact changed", contact=contact)

    async def _change(self, change: Change) -> bool:
        for _ in range(_ATTEMPTS):
            current = await self.rules.load()
            changed = change(current)
            if changed is None:
                return False
            try:
                await self.rules.save(changed, current.version, declared=current.declared)
            except AccessChangedError:
                continue
            return True
        raise AccessChangedError


def _existing(current: CurrentAccess, rule_id: str) -> AccessRule:
    rule = rule_named(current.access, rule_id) if current.access else None
    if rule is None:
        raise NoSuchRuleError
    return rule


def _logged(rule: AccessRule) -> dict[str, object]:
    return {
        "holder": rule.holder,
        "name": rule.name,
        "resource": rule.resource,
        "scopes": rule.written_scopes,
    }

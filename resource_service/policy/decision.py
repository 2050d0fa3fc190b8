"""The decision whether a principal has what something needs, and whether the login is strong enough."""

from __future__ import annotations

from collections.abc import Iterable

from resource_service.errors import (
    condition_unmet,
    group_missing,
    insufficient_authentication,
    insufficient_scope,
)
from resource_service.policy.conditions import CallContext, HintsOf, no_hints, unmet
from resource_service.policy.groups import Needed, groups_in, scopes_in
from resource_service.policy.rules import Policy
from resource_service.policy.step_up import step_ups
from resource_service.principal import Principal
from shared.clock import Clock


def missing(policy: Policy, needed: Needed, principal: Principal) -> Needed:
    """Return what `principal` lacks of `needed`."""
    return policy.missing(needed, principal.scopes, principal.groups)


def check_has(policy: Policy, needed: Needed, principal: Principal) -> None:
    """Check that `principal` has everything in `needed`.

    Raises:
        Refusal: something is missing. A missing group comes first: no consent can add it.
    """
    lacking = missing(policy, needed, principal)
    if not lacking:
        return
    who = f"{principal.owner} by client {principal.client_id}"
    if groups := groups_in(lacking):
        raise group_missing(policy.contact, detail=f"{who} is not in {' and in '.join(map(str, groups))}")
    raise insufficient_scope(scopes_in(needed), detail=f"{who} lacks {sorted(scopes_in(lacking))}")


def check_login(policy: Policy, messages: Iterable[object], principal: Principal, clock: Clock) -> None:
    """Check that the login of `principal` is as strong and as recent as the tools called need (RFC 9470).

    Raises:
        Refusal: it is not.
    """
    for step_up in step_ups(policy.step_up, messages):
        if not step_up.is_met_by(principal.acr, principal.login_age_s(clock())):
            detail = f"{principal.owner} by client {principal.client_id} logged in with {principal.acr}"
            raise insufficient_authentication(step_up.acr, step_up.max_age_s, detail=detail)


def check_conditions(
    policy: Policy,
    messages: Iterable[object],
    principal: Principal,
    clock: Clock,
    *,
    hints_of: HintsOf = no_hints,
) -> None:
    """Check that the calls among `messages` meet the conditions of the policy.

    Args:
        hints_of: returns the annotations of tools.

    Raises:
        Refusal: one of them does not.
    """
    if not policy.when:
        return
    caller = CallContext(policy.closure(principal.scopes), frozenset(principal.groups), clock(), hints_of)
    if (failed := unmet(policy.when, messages, caller)) is not None:
        who = f"{principal.owner} by client {principal.client_id}"
        detail = f"{who} does not meet `when` of {failed.pattern}"
        raise condition_unmet(failed.pattern, failed.says, policy.contact, detail=detail)

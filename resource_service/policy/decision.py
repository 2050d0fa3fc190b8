"""The decision whether a principal has what something needs."""

from __future__ import annotations

from resource_service.errors import group_missing, insufficient_scope
from resource_service.policy.groups import Needed, groups_in, scopes_in
from resource_service.policy.rules import Policy
from resource_service.principal import Principal


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

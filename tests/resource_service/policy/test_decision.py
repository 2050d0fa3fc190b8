"""The refusal of a principal who lacks something."""

from __future__ import annotations

import pytest

from resource_service.errors import Refusal
from resource_service.policy.decision import check_has, missing
from resource_service.policy.groups import AnyGroup, Needed
from resource_service.policy.rules import Policy
from resource_service.principal import Principal
from resource_service.reasons import Reason

pytestmark = pytest.mark.requirement("ID-3")

OPS = AnyGroup(frozenset({"ops"}))
NEEDED = Needed({"read", "write", OPS})
POLICY = Policy(scopes={"read": "Read", "write": "Write"}, default=NEEDED, contact="it@example.com")


def principal(*scopes: str, groups: tuple[str, ...] = ()) -> Principal:
    return Principal(client_id="app", scopes=scopes, issuer="i", expires_at=1, subject="ann", groups=groups)


def refused(of: Principal) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        check_has(POLICY, NEEDED, of)
    return refusal.value


def test_a_principal_with_every_scope_and_a_group_is_not_refused() -> None:
    check_has(POLICY, NEEDED, principal("read", "write", groups=("dev", "ops")))
    assert missing(POLICY, NEEDED, principal("read")) == {"write", OPS}


def test_a_missing_group_comes_before_a_missing_scope() -> None:
    refusal = refused(principal("read"))
    assert refusal.reason is Reason.GROUP_MISSING
    assert "it@example.com" in str(refusal.description)


def test_a_missing_scope_is_refused_with_all_that_are_needed() -> None:
    refusal = refused(principal("read", groups=("ops",)))
    assert (refusal.reason, refusal.scopes) == (Reason.SCOPE_MISSING, ("read", "write"))

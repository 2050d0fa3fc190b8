"""The decision on logins through a provider: allowed or not, and to which account."""

from __future__ import annotations

from typing import Any

import pytest

from auth_service.protocol.federated_accounts import (
    Decision,
    EmailOwner,
    Refusal,
    Step,
    allow_list_refusal,
    decide,
)
from auth_service.protocol.federated_identity import FederatedIdentity
from auth_service.protocol.identity_providers import AllowList
from tests.auth_service.protocol.providers import ISSUER, provider

pytestmark = pytest.mark.requirement("ID-2")

ADA = FederatedIdentity(
    issuer=ISSUER,
    subject="1",
    email="ada@corp.example",
    domain="corp.example",
    groups=("ops",),
    other_subjects=("oid-1",),
)
OWNER = EmailOwner("somebody", admin=False)


@pytest.mark.parametrize(
    ("allow", "refusal"),
    [
        ({"everyone": True}, None),
        ({"domains": {"corp.example"}}, None),
        ({"groups": {"ops"}}, None),
        ({"subjects": {"1"}}, None),
        ({"subjects": {"oid-1"}}, None),
        ({"domains": {"other.example"}, "groups": {"dev", "ops"}}, None),
        ({"domains": {"example"}}, Refusal.NOT_ALLOWED),
        ({"domains": {"sub.corp.example"}}, Refusal.NOT_ALLOWED),
        ({"groups": {"op"}}, Refusal.NOT_ALLOWED),
        ({"subjects": {"ada@corp.example"}}, Refusal.NOT_ALLOWED),
        ({}, Refusal.NOT_ALLOWED),
    ],
)
def test_somebody_is_admitted_whom_one_of_the_lists_names(
    allow: dict[str, Any], refusal: Refusal | None
) -> None:
    assert allow_list_refusal(ADA, provider(allow=AllowList(**allow))) is refusal


def test_nobody_is_admitted_by_a_domain_or_group_that_nobody_proved() -> None:
    nobody = FederatedIdentity(issuer=ISSUER, subject="2")
    lists = AllowList(domains=frozenset({"corp.example"}), groups=frozenset({"ops"}))
    assert allow_list_refusal(nobody, provider(allow=lists)) is Refusal.NOT_ALLOWED


def test_groups_that_the_provider_omits_are_reported_as_missing() -> None:
    many = FederatedIdentity(issuer=ISSUER, subject="2", groups=None)
    assert (
        allow_list_refusal(many, provider(allow=AllowList(groups=frozenset({"ops"}))))
        is Refusal.GROUPS_UNKNOWN
    )
    assert (
        allow_list_refusal(many, provider(allow=AllowList(domains=frozenset({"x.y"})))) is Refusal.NOT_ALLOWED
    )
    by_subject = AllowList(groups=frozenset({"ops"}), subjects=frozenset({"2"}))
    assert allow_list_refusal(many, provider(allow=by_subject)) is None


def test_the_allow_list_counts_at_every_login_not_only_at_the_first() -> None:
    nobody = provider(allow=AllowList(subjects=frozenset({"2"})))
    assert decide(ADA, nobody, has_account=True, owner=None) == Decision(Step.REFUSE, Refusal.NOT_ALLOWED)
    assert decide(ADA, provider(), has_account=True, owner=None) == Decision(Step.LOG_IN)
    assert decide(ADA, provider(), has_account=False, owner=None) == Decision(Step.CREATE)


@pytest.mark.parametrize(
    ("links", "owner", "step"),
    [
        (True, OWNER, Step.LINK),
        (True, EmailOwner("s", admin=False, issuers=frozenset({"https://other.example"})), Step.LINK),
        (False, OWNER, Step.REFUSE),
        (True, EmailOwner("s", admin=True), Step.REFUSE),
        # The address was given to somebody else at the provider since.
        (True, EmailOwner("s", admin=False, issuers=frozenset({ISSUER})), Step.REFUSE),
    ],
)
def test_an_account_is_linked_by_policy_never_an_administrators_and_never_twice_at_one_provider(
    links: bool, owner: EmailOwner, step: Step
) -> None:
    decision = decide(ADA, provider(links_email=links), has_account=False, owner=owner)
    assert decision.step is step
    assert decision.refusal is (Refusal.LOG_IN_FIRST if step is Step.REFUSE else None)

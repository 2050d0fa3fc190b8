"""When a second factor is required, and what a login with one is called."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auth_service.protocol.claims_request import ACR_FEDERATED, ACR_MFA, ACR_PASSWORD
from auth_service.protocol.second_factor import (
    BY_CODE,
    BY_PASSKEY,
    BY_PASSWORD,
    SecondFactorPolicy,
    acr_of,
    acr_of_grant,
    acr_to_issue,
    preferred_acr,
    satisfies,
    with_methods,
)
from tests.auth_service.protocol.builders import active_grant

pytestmark = pytest.mark.requirement("ID-5")


@pytest.mark.parametrize(
    ("policy", "of_people", "of_administrators"),
    [
        ({}, False, False),
        ({"people": "administrators"}, False, True),
        ({"people": "everyone"}, True, True),
    ],
)
def test_a_login_needs_a_second_factor_of_those_whom_the_policy_names(
    policy: dict[str, Any], of_people: bool, of_administrators: bool
) -> None:
    configured = SecondFactorPolicy(**policy)
    assert configured.is_required_of(admin=False) is of_people
    assert configured.is_required_of(admin=True) is of_administrators


@pytest.mark.parametrize(
    ("resource", "scopes", "required"),
    [
        ("https://a.example/mcp", (), True),
        ("https://a.example/mcp/", (), True),
        ("https://b.example/mcp", ("read",), False),
        ("https://b.example/mcp", ("read", "admin"), True),
        (None, ("read",), False),
        (None, ("admin",), True),
    ],
)
def test_a_request_needs_one_for_a_resource_or_a_scope(
    resource: str | None, scopes: tuple[str, ...], required: bool
) -> None:
    policy = SecondFactorPolicy(resources=frozenset({"https://a.example/mcp"}), scopes=frozenset({"admin"}))
    assert policy.is_required_for(resource, scopes) is required
    assert SecondFactorPolicy().is_required_for(resource, scopes) is False


@pytest.mark.parametrize(
    ("amr", "federated", "acr"),
    [
        (BY_PASSWORD, False, ACR_PASSWORD),
        ((), True, ACR_FEDERATED),
        (with_methods(BY_PASSWORD, BY_CODE), False, ACR_MFA),
        (BY_PASSKEY, True, ACR_MFA),
    ],
)
def test_the_methods_of_a_login_make_its_context(amr: tuple[str, ...], federated: bool, acr: str) -> None:
    assert acr_of(amr, federated=federated) == acr


def test_a_method_is_named_once() -> None:
    assert with_methods(("pwd", "mfa"), ("otp", "mfa")) == ("pwd", "mfa", "otp")


@pytest.mark.parametrize(
    ("members", "acr"),
    [
        ({"auth_time": None, "acr": ACR_MFA}, None),
        ({"auth_time": 1, "acr": None}, ACR_PASSWORD),
        ({"auth_time": 1, "acr": ACR_MFA}, ACR_MFA),
    ],
)
def test_a_grant_has_the_context_of_its_login(members: dict[str, Any], acr: str | None) -> None:
    assert acr_of_grant(replace(active_grant(), **members)) == acr


@pytest.mark.parametrize(
    ("acr", "acceptable", "satisfied", "issued"),
    [
        (ACR_MFA, [ACR_MFA], True, ACR_MFA),
        (ACR_MFA, [ACR_PASSWORD], True, ACR_PASSWORD),
        (ACR_MFA, [ACR_PASSWORD, ACR_MFA], True, ACR_MFA),
        (ACR_MFA, [], False, ACR_MFA),
        (ACR_PASSWORD, [ACR_PASSWORD], True, ACR_PASSWORD),
        (ACR_PASSWORD, [ACR_MFA], False, ACR_PASSWORD),
        (ACR_FEDERATED, [ACR_PASSWORD], False, ACR_FEDERATED),
    ],
)
def test_two_factors_are_also_a_password(
    acr: str, acceptable: list[str], satisfied: bool, issued: str
) -> None:
    assert satisfies(acr, acceptable) is satisfied
    assert acr_to_issue(acr, acceptable) == issued


@pytest.mark.parametrize(
    ("acr_values", "preferred"),
    [
        (None, ()),
        ("", ()),
        (f"{ACR_MFA} other {ACR_PASSWORD} {ACR_MFA}", (ACR_MFA, ACR_PASSWORD)),
        (ACR_FEDERATED, ()),
    ],
)
def test_unsupported_acr_values_are_ignored(acr_values: str | None, preferred: tuple[str, ...]) -> None:
    assert preferred_acr(acr_values) == preferred


@pytest.mark.requirement("GW-3")
def test_what_a_mount_requires_is_required_where_it_is_joined() -> None:
    joined, mount = "https://mcp.example/all", "https://mcp.example/notes"
    of_resource = SecondFactorPolicy(resources=frozenset({mount})).with_joined(joined, "notes", mount, ())
    assert of_resource.is_required_for(joined, ("notes",))
    policy = SecondFactorPolicy(scopes=frozenset({"notes:write", "other"}))
    of_scope = policy.with_joined(joined, "notes", mount, ("notes:read", "notes:write"))
    assert of_scope.is_required_for(joined, ("notes:notes:write",))
    assert not of_scope.is_required_for(joined, ("notes:notes:read", "notes:other"))

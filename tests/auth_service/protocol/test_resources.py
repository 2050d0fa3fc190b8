"""Which resource a request is for, and what it can be granted there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.protocol.admin_access import SCOPE
from auth_service.protocol.client import Client
from auth_service.protocol.errors import InvalidScopeError, InvalidTargetError
from auth_service.protocol.reasons import Reason
from auth_service.protocol.resources import ProtectedResource, ResourceRegistry
from tests.auth_service.protocol.builders import client
from tests.refusals import because

pytestmark = pytest.mark.requirement("AS-14")

OWN = {"openid": "Know you", "profile": "See your name", "offline_access": "Stay connected"}
NOTES = ProtectedResource(
    resource="https://mcp.example/mcp",
    name="Notes",
    scopes={"read": "Read", "write": "Write"},
    default_scopes=("read",),
)
OTHER = ProtectedResource(
    resource="https://other.example/mcp", name="Other", scopes={"other": "Other"}, default_scopes=("other",)
)
ONE = ResourceRegistry([NOTES], OWN)
TWO = ResourceRegistry([NOTES, OTHER], OWN)
ADMIN = ProtectedResource(
    resource="https://auth.example/admin/api",
    name="Administration",
    scopes={SCOPE: "Administer"},
    default_scopes=(),
)
ADMINISTERED = ResourceRegistry([NOTES], OWN, ADMIN)
ADMINISTRATORS = replace(client(scope=SCOPE), expires_at=None)


@pytest.mark.parametrize(
    "scope",
    [None, "", "read", "offline_access", "unknown", "openid read", "profile offline_access write", "Read"],
)
def test_a_request_that_names_no_resource_is_for_the_only_one(scope: str | None) -> None:
    assert ONE.resource_for(None, scope) is NOTES


@pytest.mark.parametrize(
    "scope", ["openid", "profile", "openid profile", "openid offline_access", "openid unknown"]
)
def test_a_request_that_only_signs_somebody_in_is_for_no_resource(scope: str) -> None:
    assert ONE.resource_for(None, scope) is None
    assert "read" not in ONE.resolve_scopes(scope, ONE.resource_for(None, scope))


@pytest.mark.parametrize("scope", [None, "openid", "read"])
def test_a_resource_that_is_named_is_the_one_that_is_meant(scope: str | None) -> None:
    assert ONE.resource_for(NOTES.resource, scope) is NOTES
    assert TWO.resource_for(OTHER.resource, scope) is OTHER


@pytest.mark.parametrize("scope", [None, "read", "openid"])
def test_none_is_meant_where_there_are_several_and_none_is_named(scope: str | None) -> None:
    assert TWO.resource_for(None, scope) is None


def test_a_resource_that_is_not_here_is_refused() -> None:
    for registry in (ONE, ADMINISTERED):
        with pytest.raises(InvalidTargetError, check=because(Reason.RESOURCE_UNKNOWN)):
            registry.resource_for(OTHER.resource, "openid")


@pytest.mark.requirement("ID-8")
@pytest.mark.parametrize("of", [None, client(scope=SCOPE), replace(client(), expires_at=None)])
def test_the_admin_api_is_a_resource_only_for_the_operators_clients(of: Client | None) -> None:
    assert ADMINISTERED.resource_for(ADMIN.resource, client=ADMINISTRATORS) is ADMIN
    assert ADMINISTERED.resource_for(NOTES.resource, client=of) is NOTES
    with pytest.raises(InvalidTargetError, check=because(Reason.ADMIN_CLIENT_NOT_ALLOWED)):
        ADMINISTERED.resource_for(ADMIN.resource, client=of)


def test_a_malformed_scope_is_refused_without_a_resource_too() -> None:
    with pytest.raises(InvalidScopeError):
        ONE.resource_for(None, 'openid "')


def test_everything_that_can_be_granted_is_listed_and_described() -> None:
    assert TWO.scopes_supported == ["openid", "profile", "offline_access", "read", "write", "other"]
    assert TWO.scope_descriptions == {**OWN, "read": "Read", "write": "Write", "other": "Other"}


@pytest.mark.parametrize("resource", [None, "", "https://elsewhere.example/", "https://[", "mcp"])
def test_what_is_not_a_resource_here_is_not_found(resource: str | None) -> None:
    assert ONE.by_identifier(resource) is None
    assert ONE.by_identifier(NOTES.resource) is NOTES


@pytest.mark.parametrize(
    ("scope", "resource", "description"),
    [
        ("read", NOTES.resource, "Read"),
        ("profile", NOTES.resource, "See your name"),
        ("profile", None, "See your name"),
        ("read", None, "read"),
        ("read", OTHER.resource, "read"),
        ("gone", NOTES.resource, "gone"),
    ],
)
def test_a_scope_is_described_as_its_resource_describes_it(
    scope: str, resource: str | None, description: str
) -> None:
    assert TWO.scope_description(scope, resource) == description


@pytest.mark.parametrize(
    ("scope", "resource", "granted"),
    [
        (None, NOTES, ("read",)),
        ("", None, ()),
        ("offline_access", NOTES, ("read", "offline_access")),
        ("offline_access", None, ("offline_access",)),
        ("write offline_access", NOTES, ("write", "offline_access")),
        ("unknown", NOTES, ("read",)),
        ("unknown write", NOTES, ("write",)),
        ("openid", NOTES, ("openid",)),
        ("read openid", None, ("openid",)),
    ],
)
def test_scopes_are_those_of_the_server_and_the_resource(
    scope: str | None, resource: ProtectedResource | None, granted: tuple[str, ...]
) -> None:
    assert TWO.resolve_scopes(scope, resource) == granted


@pytest.mark.requirement("ID-3")
@pytest.mark.parametrize(
    ("of", "granted"),
    [
        (client(scope="openid groups"), ("openid", "groups")),
        (client(scope="openid groupies"), ("openid",)),
        (client(scope="openid"), ("openid",)),
        (client(), ("openid",)),
        (None, ("openid",)),
    ],
)
def test_groups_are_only_for_a_client_that_was_registered_for_them(
    of: Client | None, granted: tuple[str, ...]
) -> None:
    registry = ResourceRegistry([NOTES], {**OWN, "groups": "See your groups"})
    assert registry.resolve_scopes("openid groups", None, client=of) == granted
    assert registry.resolve_scopes("openid", None, client=of) == ("openid",)

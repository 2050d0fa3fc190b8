"""The introspection response for each caller and token: the whole table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.crypto.handles import Handle, Kind
from auth_service.protocol.grant import Grant, refresh
from auth_service.protocol.introspection import (
    IntrospectionCaller,
    introspection_response,
    may_learn_groups,
    why_inactive,
    with_groups,
    with_pairwise_subject,
)
from auth_service.protocol.reasons import Reason
from auth_service.protocol.subjects import ClientSubject
from tests.auth_service.protocol.builders import (
    LIFETIMES,
    NOW,
    RESOURCE,
    active_grant,
    refreshing,
    written,
)

pytestmark = pytest.mark.requirement("AS-15", "SEC-10")

ISSUER = "https://as.example"
INACTIVE = {"active": False}
RESOURCE_SERVER = IntrospectionCaller("resource", resources=frozenset({RESOURCE, "https://another.example/"}))
OTHER_SERVER = IntrospectionCaller("other", resources=frozenset({"https://other.example/mcp"}))
OWNER = IntrospectionCaller("client-1", client_id="client-1")
OTHER_CLIENT = IntrospectionCaller("client-2", client_id="client-2")
NOBODY = IntrospectionCaller("client-1")


def answer(
    caller: IntrospectionCaller,
    kind: Kind = Kind.ACCESS_TOKEN,
    generation: int = 1,
    *,
    grant: Grant | None = None,
    now: int = NOW,
) -> dict[str, object]:
    grant = grant or active_grant()
    return introspection_response(
        grant,
        handle=Handle(kind=kind, grant_id=grant.grant_id, generation=generation, expires_at=NOW + 600),
        caller=caller,
        issuer=ISSUER,
        now=now,
        grace_s=LIFETIMES.grace_s,
    )


FULL = {
    "active": True,
    "scope": "a b c",
    "client_id": "client-1",
    "username": "wesen",
    "token_type": "Bearer",
    "exp": NOW + 600,
    "iat": NOW,
    "sub": "subject-1",
    "aud": RESOURCE,
    "iss": ISSUER,
    "grant_id": "AAAAAAAAAAAAAAAAAAAAAA",
    "acr": "password",
    "auth_time": NOW - 5,
}


@pytest.mark.parametrize(
    ("caller", "kind", "described"),
    [
        (RESOURCE_SERVER, Kind.ACCESS_TOKEN, True),
        (OWNER, Kind.ACCESS_TOKEN, True),
        (OWNER, Kind.REFRESH_TOKEN, True),
        (RESOURCE_SERVER, Kind.REFRESH_TOKEN, False),
        (OTHER_SERVER, Kind.ACCESS_TOKEN, False),
        (OTHER_SERVER, Kind.REFRESH_TOKEN, False),
        (OTHER_CLIENT, Kind.ACCESS_TOKEN, False),
        (OTHER_CLIENT, Kind.REFRESH_TOKEN, False),
        (NOBODY, Kind.ACCESS_TOKEN, False),
        (NOBODY, Kind.REFRESH_TOKEN, False),
        (RESOURCE_SERVER, Kind.CODE, False),
        (OWNER, Kind.CODE, False),
    ],
)
def test_a_token_is_described_only_to_those_it_concerns(
    caller: IntrospectionCaller, kind: Kind, described: bool
) -> None:
    if not described:
        assert answer(caller, kind) == INACTIVE
        return
    without_type = {name: value for name, value in FULL.items() if name != "token_type"}
    assert answer(caller, kind) == (FULL if kind is Kind.ACCESS_TOKEN else without_type)


@pytest.mark.parametrize("caller", [RESOURCE_SERVER, OWNER])
@pytest.mark.parametrize("kind", [Kind.ACCESS_TOKEN, Kind.REFRESH_TOKEN, Kind.CODE])
@pytest.mark.parametrize("state", ["code", "revoked"])
def test_nothing_of_a_grant_that_is_not_active_is_active(
    caller: IntrospectionCaller, kind: Kind, state: str
) -> None:
    grant = replace(active_grant(), state=state)  # type: ignore[arg-type]
    assert answer(caller, kind, grant=grant) == INACTIVE


@pytest.mark.parametrize("caller", [RESOURCE_SERVER, OWNER])
@pytest.mark.parametrize("kind", [Kind.ACCESS_TOKEN, Kind.REFRESH_TOKEN])
@pytest.mark.parametrize("generation", [2, 3, 4_294_967_295])
def test_a_generation_that_was_never_issued_is_inactive(
    caller: IntrospectionCaller, kind: Kind, generation: int
) -> None:
    assert answer(caller, kind, generation) == INACTIVE


@pytest.mark.parametrize(("now", "described"), [(NOW + 10, True), (NOW + 70, True), (NOW + 71, False)])
def test_the_refresh_token_before_is_active_inside_the_grace_window(now: int, described: bool) -> None:
    grant = replace(written(refresh(active_grant(), refreshing(1), LIFETIMES, NOW + 10)), unconfirmed_since=0)
    assert (answer(OWNER, Kind.REFRESH_TOKEN, 1, grant=grant, now=now) != INACTIVE) is described


def test_each_access_token_is_described_with_its_own_scope() -> None:
    grant = written(refresh(active_grant(), refreshing(1, scope="a"), LIFETIMES, NOW + 10))
    assert answer(RESOURCE_SERVER, generation=1, grant=grant)["scope"] == "a b c"
    assert answer(RESOURCE_SERVER, generation=2, grant=grant)["scope"] == "a"
    assert answer(OWNER, Kind.REFRESH_TOKEN, 2, grant=grant)["scope"] == "a b c"


def test_what_is_not_known_is_left_out() -> None:
    grant = active_grant(subject=None, username=None, auth_time=None)
    assert {"sub", "username"}.isdisjoint(answer(RESOURCE_SERVER, grant=grant))
    older = written(refresh(active_grant(), refreshing(1), LIFETIMES, NOW + 10))
    assert "iat" not in answer(RESOURCE_SERVER, generation=1, grant=older)


def test_a_token_for_no_resource_is_described_to_its_client_only() -> None:
    grant = active_grant(resource=None)
    assert "aud" not in answer(OWNER, grant=grant)
    assert answer(RESOURCE_SERVER, grant=grant) == INACTIVE
    assert answer(NOBODY, grant=grant) == INACTIVE


@pytest.mark.parametrize(
    ("caller", "kind", "state", "reason"),
    [
        (RESOURCE_SERVER, Kind.REFRESH_TOKEN, "active", Reason.TOKEN_NOT_ACCESS_TOKEN),
        (OTHER_SERVER, Kind.ACCESS_TOKEN, "active", Reason.TOKEN_OF_OTHER_RESOURCE),
        (OTHER_CLIENT, Kind.ACCESS_TOKEN, "revoked", Reason.TOKEN_OF_OTHER_RESOURCE),
        (OWNER, Kind.ACCESS_TOKEN, "revoked", Reason.TOKEN_GRANT_REVOKED),
        (RESOURCE_SERVER, Kind.ACCESS_TOKEN, "revoked", Reason.TOKEN_GRANT_REVOKED),
        (RESOURCE_SERVER, Kind.ACCESS_TOKEN, "active", Reason.TOKEN_ENDED),
    ],
)
def test_the_log_says_why_a_token_is_inactive(
    caller: IntrospectionCaller, kind: Kind, state: str, reason: Reason
) -> None:
    grant = replace(active_grant(), state=state)  # type: ignore[arg-type]
    assert (
        why_inactive(
            grant, Handle(kind=kind, grant_id=grant.grant_id, generation=1, expires_at=NOW + 600), caller
        )[0]
        is reason
    )


@pytest.mark.requirement("ID-3")
def test_groups_are_for_the_resource_server_of_the_token_alone() -> None:
    grant = active_grant()
    callers = (RESOURCE_SERVER, OTHER_SERVER, OWNER, OTHER_CLIENT, NOBODY)
    assert [caller for caller in callers if may_learn_groups(grant, caller)] == [RESOURCE_SERVER]
    assert not may_learn_groups(replace(grant, subject=None), RESOURCE_SERVER)
    assert not may_learn_groups(replace(grant, resource=None), RESOURCE_SERVER)


@pytest.mark.requirement("ID-3")
def test_a_person_without_groups_has_no_such_member_and_a_pairwise_subject_never_has() -> None:
    assert with_groups(FULL, ()) == FULL
    assert with_groups(FULL, ("a", "b"))["groups"] == ["a", "b"]
    pairwise = with_pairwise_subject(with_groups(FULL, ("a",)), ClientSubject("pairwise", None))
    assert "groups" not in pairwise

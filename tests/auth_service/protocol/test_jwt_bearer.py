"""JWTs of trusted issuers as grants: identity assertions and workload identities (RFC 7523 §3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auth_service.protocol.errors import InvalidGrantError
from auth_service.protocol.jwt_bearer import (
    LONGEST_S,
    TrustedIssuer,
    WorkloadRule,
    accepted_types,
    asserted_scopes,
    check_assertion,
    check_id_jag,
    subject_of,
    workload_scopes,
)
from auth_service.protocol.reasons import Reason
from tests.refusals import because

NOW = 1_800_000_000
US = "https://auth.example"
ASSERTION = {"sub": "u1", "aud": US, "exp": NOW + 60}
ID_JAG = {**ASSERTION, "client_id": "client-1", "resource": "https://mcp.example/mcp", "jti": "1"}
JWKS_URI = "https://idp.example/jwks"
IDP = TrustedIssuer(issuer="https://idp.example", profile="id-jag", jwks_uri=JWKS_URI)
RUNNER = TrustedIssuer(
    issuer="https://ci.example",
    profile="workload",
    jwks_uri="https://ci.example/jwks",
    rules=(
        WorkloadRule({"repository": "acme/app", "ref": "refs/heads/main"}, ("a", "b")),
        WorkloadRule({"repository": "acme/*"}, ("a",)),
    ),
)


def without(claims: dict[str, Any], name: str) -> dict[str, Any]:
    return {n: v for n, v in claims.items() if n != name}


@pytest.mark.requirement("EXT-2", "EXT-4")
@pytest.mark.parametrize(
    "claims",
    [
        without(ASSERTION, "sub"),
        without(ASSERTION, "aud"),
        without(ASSERTION, "exp"),
        {**ASSERTION, "aud": "https://other.example"},
        {**ASSERTION, "exp": NOW - 60},
        {**ASSERTION, "exp": NOW + LONGEST_S + 60},
        {**ASSERTION, "nbf": NOW + 60},
    ],
)
def test_an_assertion_for_another_server_or_time_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(InvalidGrantError):
        check_assertion(claims, (US,), NOW)


def test_a_good_assertion_says_when_it_ends() -> None:
    assert check_assertion(ASSERTION, (US,), NOW) == NOW + 60


@pytest.mark.requirement("EXT-2")
def test_an_identity_assertion_is_of_its_own_type_only() -> None:
    assert accepted_types("id-jag") == ("oauth-id-jag+jwt",)
    assert "oauth-id-jag+jwt" not in accepted_types("workload")


@pytest.mark.requirement("EXT-2")
def test_an_identity_assertion_names_the_resource() -> None:
    assert check_id_jag(ID_JAG, IDP, "client-1") == "https://mcp.example/mcp"


@pytest.mark.requirement("EXT-2")
@pytest.mark.parametrize("name", ["client_id", "resource", "jti"])
def test_an_identity_assertion_that_lacks_a_claim_is_refused(name: str) -> None:
    with pytest.raises(InvalidGrantError, match=name):
        check_id_jag(without(ID_JAG, name), IDP, "client-1")


@pytest.mark.requirement("EXT-2")
def test_an_identity_assertion_for_another_client_is_refused() -> None:
    with pytest.raises(InvalidGrantError, match="another client"):
        check_id_jag(ID_JAG, IDP, "client-2")


@pytest.mark.requirement("EXT-2")
def test_an_issuer_speaks_for_the_clients_it_is_trusted_with() -> None:
    trusted = replace(IDP, clients=frozenset({"client-2"}))
    with pytest.raises(InvalidGrantError, match="not trusted for this client"):
        check_id_jag(ID_JAG, trusted, "client-1")
    assert check_id_jag({**ID_JAG, "client_id": "client-2"}, trusted, "client-2")


@pytest.mark.requirement("EXT-2")
@pytest.mark.parametrize(
    ("claimed", "most", "allowed"),
    [
        (None, None, None),
        ("a b", None, ("a", "b")),
        (None, ("a",), ("a",)),
        ("a b", ("b", "c"), ("b",)),
        ("a", (), ()),
    ],
)
def test_scopes_are_bounded_by_the_assertion_and_by_its_issuer(
    claimed: str | None, most: tuple[str, ...] | None, allowed: tuple[str, ...] | None
) -> None:
    trusted = replace(IDP, scopes=most)
    assert asserted_scopes({} if claimed is None else {"scope": claimed}, trusted) == allowed


@pytest.mark.requirement("EXT-2")
def test_a_malformed_scope_in_an_assertion_is_refused() -> None:
    with pytest.raises(InvalidGrantError, match="malformed"):
        asserted_scopes({"scope": 'a"b'}, IDP)


@pytest.mark.requirement("EXT-4")
@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"repository": "acme/app", "ref": "refs/heads/main"}, ("a", "b")),
        ({"repository": "acme/app", "ref": "refs/heads/other"}, ("a",)),
        ({"repository": "acme/tool"}, ("a",)),
    ],
)
def test_the_first_rule_that_matches_a_workload_decides(
    claims: dict[str, Any], scopes: tuple[str, ...]
) -> None:
    assert workload_scopes(claims, RUNNER) == scopes


@pytest.mark.requirement("EXT-4")
@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"repository": "evil/app"},
        {"repository": "ACME/app"},
        {"repository": ["acme/app"]},
        {"repository": None},
    ],
)
def test_a_workload_that_no_rule_matches_is_not_admitted(claims: dict[str, Any]) -> None:
    with pytest.raises(InvalidGrantError, check=because(Reason.WORKLOAD_NOT_ADMITTED)):
        workload_scopes(claims, RUNNER)


@pytest.mark.requirement("EXT-2", "EXT-4")
def test_subjects_of_others_stay_the_same_and_apart() -> None:
    one = subject_of("https://idp.example", "u1")
    assert one == subject_of("https://idp.example", "u1")
    others = {
        subject_of("https://idp.example", "u2"),
        subject_of("https://idp.exampleu", "1"),
        subject_of("", "u1"),
    }
    assert one not in others
    # It is in grants and at resource servers: another one would be another user.
    assert one == "x_8FOYHES3_96LZ8RbkP3Phc9P"


RULES = (WorkloadRule({"repository": "acme/*"}),)


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"issuer": ""}, "must not be empty"),
        ({"jwks_uri": None}, "exactly one of jwks and jwks_uri"),
        ({"jwks": {"keys": []}}, "exactly one of jwks and jwks_uri"),
        ({"profile": "workload"}, "admits no workload"),
    ],
)
def test_an_issuer_that_cannot_be_trusted_as_it_is_described_is_refused(
    members: dict[str, Any], says: str
) -> None:
    described: dict[str, Any] = {"issuer": "https://idp.example", "profile": "id-jag", "jwks_uri": JWKS_URI}
    with pytest.raises(ValueError, match=says):
        TrustedIssuer(**{**described, **members})
    for profile in ("id-jag", "workload"):
        TrustedIssuer(**{**described, "profile": profile, "rules": RULES})


def test_a_rule_that_fits_every_workload_is_refused() -> None:
    with pytest.raises(ValueError, match="matches every workload"):
        WorkloadRule({})

"""Access tokens as JWTs, and signed introspection answers: their claims (RFC 9068 §2.2, RFC 9701 §5)."""

from __future__ import annotations

import pytest

from auth_service.protocol.access_token import access_token_claims
from auth_service.protocol.introspection import IntrospectionCaller, signed_answer_claims
from shared.access_tokens import TYPE, parse_jti
from shared.introspection import SIGNED_TYPE
from shared.jwt_claims import ClaimError
from tests.auth_service.protocol.builders import NOW, RESOURCE, active_grant
from tests.vectors import read

ISSUER = "https://auth.example"


@pytest.mark.requirement("AS-19")
def test_an_access_token_has_every_claim_that_rfc_9068_asks_for() -> None:
    grant = active_grant()
    claims = access_token_claims(grant, ISSUER)
    assert set(read("rfc9068")["required"]) <= set(claims)
    assert claims == {
        "iss": ISSUER,
        "sub": "subject-1",
        "aud": RESOURCE,
        "exp": NOW + 600,
        "iat": NOW,
        "jti": f"{grant.grant_id}.1",
        "client_id": "client-1",
        "scope": "a b c",
        "auth_time": NOW - 5,
        "acr": "password",
    }


@pytest.mark.requirement("AS-19")
def test_its_type_is_the_one_of_rfc_9068() -> None:
    assert read("rfc9068")["header"]["typ"] == TYPE


@pytest.mark.requirement("AS-19")
def test_a_client_for_itself_is_the_subject() -> None:
    assert access_token_claims(active_grant(subject=None), ISSUER)["sub"] == "client-1"


@pytest.mark.requirement("EXT-3")
def test_a_bound_token_says_to_which_key_and_a_delegated_one_who_acts() -> None:
    claims = access_token_claims(active_grant(act={"sub": "s"}), ISSUER)
    assert claims["act"] == {"sub": "s"}
    assert "cnf" not in claims


@pytest.mark.requirement("AS-16", "AS-19")
def test_an_exchanged_token_names_what_it_ends_with_and_another_does_not() -> None:
    derived = active_grant(parent_grants=("parent", "grandparent"))
    assert access_token_claims(derived, ISSUER)["ancestors"] == ["parent", "grandparent"]
    assert "ancestors" not in access_token_claims(active_grant(), ISSUER)


@pytest.mark.requirement("AS-19")
@pytest.mark.parametrize("jti", ["", "x", ".1", "grant.", "grant.one", "grant.-1", "grant.\u0661"])
def test_a_jti_that_was_not_made_here_names_no_grant(jti: str) -> None:
    with pytest.raises(ClaimError):
        parse_jti(jti)


@pytest.mark.requirement("AS-15")
def test_a_signed_answer_has_the_members_of_rfc_9701_and_no_others() -> None:
    example = read("rfc9701")
    claims = example["claims"]
    caller = IntrospectionCaller(claims["aud"], resources=frozenset({claims["aud"]}))
    answer = claims["token_introspection"]
    assert signed_answer_claims(answer, caller, claims["iss"], claims["iat"]) == claims
    assert example["header"]["typ"] == SIGNED_TYPE
    assert example["media_type"] == f"application/{SIGNED_TYPE}"

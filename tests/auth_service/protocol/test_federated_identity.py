"""The claims of an identity provider that are used, by preset."""

from __future__ import annotations

from typing import Any

import pytest

from auth_service.protocol.federated_identity import (
    FederatedIdentity,
    InvalidProviderResponseError,
    check_id_token,
    check_renewed_id_token,
    check_response_issuer,
    identity_of,
    lacks_claims,
    merge_userinfo,
    username_candidates,
)
from auth_service.protocol.id_token import at_hash
from auth_service.protocol.identity_providers import AllowList
from auth_service.protocol.provider_metadata import ProviderMetadata
from tests.auth_service.protocol.providers import ISSUER, provider

pytestmark = pytest.mark.requirement("ID-1")

NOW = 1_800_000_000
METADATA = ProviderMetadata(
    issuer=ISSUER,
    authorization_endpoint=f"{ISSUER}/authorize",
    token_endpoint=f"{ISSUER}/token",
    jwks_uri=f"{ISSUER}/jwks",
)
GOOD = {"iss": ISSUER, "aud": "me", "sub": "1", "exp": NOW + 60, "iat": NOW, "nonce": "n"}


def check(**changes: Any) -> None:
    claims = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    check_id_token(claims, provider(), nonce="n", access_token="a", now=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": ["me"]},
        {"aud": ["me", "other"], "azp": "me"},
        {"azp": "me"},
        {"at_hash": at_hash("a")},
        {"exp": NOW - 29, "iat": NOW - 300},
        {"iat": NOW + 29},
        {"exp": NOW + 7 * 86_400},
        {"sub": "x" * 255},
    ],
)
def test_a_good_id_token_is_taken(changes: dict[str, Any]) -> None:
    check(**changes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": None}, "iss"),
        ({"iss": f"{ISSUER}/"}, "iss"),
        ({"aud": None}, "aud"),
        ({"aud": "other"}, "aud"),
        ({"aud": ["other"]}, "aud"),
        ({"aud": ["me", "other"]}, "azp"),
        ({"azp": "other"}, "azp"),
        ({"exp": None}, "exp"),
        ({"exp": NOW - 31}, "expired"),
        ({"exp": NOW + 8 * 86_400}, "too long"),
        ({"iat": None}, "iat"),
        ({"iat": NOW + 31}, "future"),
        ({"nbf": NOW + 31}, "not valid yet"),
        ({"nonce": None}, "nonce"),
        ({"nonce": "m"}, "nonce"),
        ({"nonce": "ñ"}, "nonce"),
        ({"at_hash": at_hash("b")}, "at_hash"),
        ({"at_hash": 1}, "at_hash"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": 1}, "sub"),
        ({"sub": "x" * 256}, "sub"),
    ],
)
def test_any_other_id_token_is_refused_and_the_log_says_why(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidProviderResponseError, match=reason):
        check(**changes)


def test_the_issuer_of_a_response_is_the_one_that_was_asked() -> None:
    always = ProviderMetadata(
        issuer=ISSUER, authorization_endpoint="a", token_endpoint="t", jwks_uri="j", sends_iss=True
    )
    check_response_issuer(None, METADATA)
    check_response_issuer(ISSUER, METADATA)
    check_response_issuer(ISSUER, always)
    for iss, metadata in ((None, always), ("https://evil.example", METADATA), (f"{ISSUER}/", always)):
        with pytest.raises(InvalidProviderResponseError):
            check_response_issuer(iss, metadata)


def test_userinfo_of_somebody_else_is_refused_and_what_was_signed_wins() -> None:
    assert merge_userinfo({"sub": "1", "name": "A"}, {"sub": "1", "name": "B", "email": "e"}) == {
        "sub": "1",
        "name": "A",
        "email": "e",
    }
    others: tuple[object, ...] = ({"sub": "2"}, {}, [], None)
    for userinfo in others:
        with pytest.raises(InvalidProviderResponseError):
            merge_userinfo({"sub": "1"}, userinfo)


@pytest.mark.requirement("ID-2")
@pytest.mark.parametrize(
    ("token", "userinfo", "verified"),
    [
        ({"email": "victim@corp.example"}, {"email": "own@corp.example", "email_verified": True}, None),
        ({"email": "victim@corp.example"}, {"email_verified": True}, None),
        ({"email": "own@corp.example"}, {"email": "own@corp.example", "email_verified": True}, True),
        ({}, {"email": "own@corp.example", "email_verified": True}, True),
        (
            {"email": "own@corp.example", "email_verified": False},
            {"email": "own@corp.example", "email_verified": True},
            False,
        ),
    ],
)
def test_an_address_is_proven_only_by_the_source_that_names_it(
    token: dict[str, Any], userinfo: dict[str, Any], verified: bool | None
) -> None:
    merged = merge_userinfo({"sub": "1", **token}, {"sub": "1", **userinfo})
    assert merged.get("email_verified") is verified


def identity(preset: str, **claims: Any) -> FederatedIdentity:
    return identity_of({"sub": "1", **claims}, provider(preset))


@pytest.mark.requirement("ID-2")
@pytest.mark.parametrize(
    ("preset", "claims", "email", "domain"),
    [
        ("openid", {"email": "Ada@Corp.example", "email_verified": True}, "ada@corp.example", "corp.example"),
        ("openid", {"email": "ada@corp.example"}, None, None),
        ("openid", {"email": "ada@corp.example", "email_verified": False}, None, None),
        ("openid", {"email": "ada@corp.example", "email_verified": "true"}, None, None),
        ("openid", {"email": "ada@corp.example", "email_verified": 1}, None, None),
        ("openid", {"email": "ada@evil.example@corp.example", "email_verified": True}, None, None),
        ("openid", {"email": "ad\u0430@corp.example", "email_verified": True}, None, None),
        ("openid", {"email": "ada@corp.example\n", "email_verified": True}, None, None),
        ("openid", {"email": '"a b"@corp.example', "email_verified": True}, None, None),
        ("openid", {"email": ["ada@corp.example"], "email_verified": True}, None, None),
        # Google vouches for its own addresses and for those of the organization in `hd`.
        ("google", {"email": "ada@gmail.com", "email_verified": True}, "ada@gmail.com", "gmail.com"),
        ("google", {"email": "ada@corp.example", "email_verified": True}, None, None),
        (
            "google",
            {"email": "ada@corp.example", "email_verified": True, "hd": "Corp.example"},
            "ada@corp.example",
            "corp.example",
        ),
        (
            "google",
            {"email": "ada@alias.example", "email_verified": True, "hd": "corp.example"},
            "ada@alias.example",
            "corp.example",
        ),
        # Any tenant's administrator can write any address there.
        ("entra", {"email": "ada@corp.example", "email_verified": True}, None, None),
        # Recent releases of authentik vouch for no address unless a property mapping does.
        ("authentik", {"email": "ada@corp.example", "email_verified": False}, None, None),
        *(
            (
                preset,
                {"email": "ada@corp.example", "email_verified": True},
                "ada@corp.example",
                "corp.example",
            )
            for preset in ("okta", "keycloak", "auth0", "github", "gitlab", "authentik", "pocket-id")
        ),
    ],
)
def test_an_address_counts_where_the_provider_proves_it(
    preset: str, claims: dict[str, Any], email: str | None, domain: str | None
) -> None:
    person = identity(preset, **claims)
    assert (person.email, person.domain) == (email, domain)


@pytest.mark.requirement("ID-2")
@pytest.mark.parametrize(
    ("preset", "claims", "groups"),
    [
        ("openid", {"groups": ["ops", "dev"]}, ("ops", "dev")),
        ("openid", {"groups": "ops"}, ("ops",)),
        ("openid", {"groups": ["ops", 1, None]}, ("ops",)),
        ("openid", {"groups": {"ops": True}}, ()),
        ("openid", {}, ()),
        ("openid", {"groups": ["ops"] * 1_000}, ("ops",) * 1_000),
        ("openid", {"groups": [str(n) for n in range(1_001)]}, None),
        ("google", {"groups": ["ops"]}, ()),
        ("keycloak", {"groups": ["/ops", "/ops/eu", "plain"]}, ("ops", "ops/eu", "plain")),
        # Above 200 groups Entra says where they are, not which.
        ("entra", {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {}}}, None),
        ("entra", {"hasgroups": True}, None),
        ("entra", {"groups": ["6f1a"]}, ("6f1a",)),
        ("entra", {"groups": [f"6f1a{n}" for n in range(200)]}, tuple(f"6f1a{n}" for n in range(200))),
        ("okta", {"groups": ["Everyone"]}, ("Everyone",)),
        ("github", {"groups": ["acme", "acme/ops"]}, ("acme", "acme/ops")),
        ("gitlab", {"groups": ["acme", "acme/ops"]}, ("acme", "acme/ops")),
        ("authentik", {"groups": ["authentik Admins"]}, ("authentik Admins",)),
        ("pocket-id", {"groups": ["ops"]}, ("ops",)),
    ],
)
def test_groups_are_read_as_each_kind_of_provider_writes_them(
    preset: str, claims: dict[str, Any], groups: tuple[str, ...] | None
) -> None:
    assert identity(preset, **claims).groups == groups


def test_groups_of_auth0_are_in_the_claim_that_the_tenant_chose() -> None:
    claim = "https://corp.example/groups"
    claims = {"sub": "1", claim: ["ops"]}
    assert identity_of(claims, provider("auth0", groups_claim=claim)).groups == ("ops",)
    assert identity_of(claims, provider("auth0")).groups == ()


def test_entra_knows_people_by_the_id_of_the_directory_as_well() -> None:
    assert identity("entra", oid="0a1b").other_subjects == ("0a1b",)
    assert identity("openid", oid="0a1b").other_subjects == ()


@pytest.mark.parametrize(
    ("sid", "session_id"),
    [("", None), ("x", "x"), ("x" * 255, "x" * 255), ("x" * 256, None), (1, None)],
)
def test_a_claim_counts_if_it_is_text_of_up_to_255_characters(sid: object, session_id: str | None) -> None:
    assert identity("openid", sid=sid).session_id == session_id


def test_userinfo_is_asked_where_it_may_say_more() -> None:
    whole = {"email": "e", "name": "n", "preferred_username": "p"}
    by_group = provider(allow=AllowList(groups=frozenset({"ops"})))
    assert not lacks_claims(whole, provider())
    assert lacks_claims({"email": "e", "name": "n"}, provider())
    assert lacks_claims(whole, by_group)
    assert not lacks_claims({**whole, "groups": []}, by_group)
    assert not lacks_claims({**whole, "hasgroups": True}, by_group)


@pytest.mark.parametrize(
    ("claims", "first"),
    [
        ({"preferred_username": "ada"}, "ada"),
        ({"preferred_username": "ada@corp.example", "email": "x@y.example"}, "ada"),
        ({"preferred_username": "  \u202e!! ", "nickname": "lovelace"}, "lovelace"),
        ({"email": "ada.l@corp.example"}, "ada.l"),
        ({"name": "Ada Lovelace"}, "Ada-Lovelace"),
        ({"name": "爱达"}, "openid-user"),
        ({}, "openid-user"),
        ({"preferred_username": "x" * 200}, "x" * 48),
        ({"preferred_username": "--admin--"}, "admin"),
    ],
)
def test_a_username_is_made_of_what_there_is(claims: dict[str, Any], first: str) -> None:
    names = list(username_candidates(identity("openid", **claims), "openid", "1a2b3c4d"))
    assert names[:2] == [first, f"{first}-2"]
    assert names[-1] == f"{first}-1a2b3c4d"
    assert len(set(names)) == len(names)


def test_a_name_is_shown_without_what_cannot_be_seen() -> None:
    assert identity("openid", name="Ada\u202e\nLovelace").name == "AdaLovelace"
    assert identity("openid", name="\u202e").name is None


RENEWED: dict[str, Any] = {"iss": ISSUER, "aud": "me", "sub": "1", "exp": NOW + 60, "iat": NOW}


def test_a_renewed_id_token_needs_no_nonce() -> None:
    check_renewed_id_token(RENEWED, provider(), "1", NOW)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": f"{ISSUER}/"}, "iss is not"),
        ({"iss": "https://a.example"}, "iss is not"),
        ({"sub": "0"}, "sub names another person"),
        ({"sub": "2"}, "sub names another person"),
        ({"aud": "other"}, "aud"),
        ({"azp": "other"}, "azp"),
        ({"exp": NOW - 31}, "expired"),
        ({"exp": NOW + 8 * 86_400}, "too long"),
    ],
)
def test_any_other_renewed_id_token_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidProviderResponseError, match=f"the renewed ID token is not valid.*{reason}"):
        check_renewed_id_token({**RENEWED, **changes}, provider(), "1", NOW)


@pytest.mark.parametrize(
    ("claims", "moment"),
    [
        ({"auth_time": NOW}, NOW),
        ({"auth_time": NOW + 0.5}, NOW),
        ({"auth_time": "yesterday"}, None),
        ({}, None),
    ],
)
def test_the_time_of_the_login_is_read_if_it_is_one(claims: dict[str, Any], moment: int | None) -> None:
    assert identity_of({"sub": "1", **claims}, provider()).auth_time == moment


def test_an_identity_does_not_show_the_tokens_of_the_provider() -> None:
    assert "hidden" not in repr(
        FederatedIdentity(issuer="i", subject="s", credential="hidden", id_token="hidden")
    )

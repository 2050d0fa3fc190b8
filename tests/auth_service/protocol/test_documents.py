"""Small documents: ID token and UserInfo claims, errors, a client's name as it is shown."""

from __future__ import annotations

import base64
import hashlib

import pytest

from auth_service.protocol.claims_request import ACR_PASSWORD
from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.id_token import Person, at_hash, id_token_claims, userinfo_claims
from auth_service.protocol.reasons import Reason
from auth_service.protocol.subjects import ClientSubject
from tests.auth_service.protocol.builders import NOW, active_grant, client

ISSUER = "https://as.example/base"


def test_at_hash_is_the_left_half_of_the_sha_256() -> None:
    # OpenID Connect Core Appendix A.3
    assert at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y") == "77QmUPtjPfzWtF2AnpK9RQ"
    whole = hashlib.sha256(b"token").digest()
    assert base64.urlsafe_b64decode(at_hash("token") + "==") == whole[:16]


def test_an_id_token_says_who_logged_in_when_for_whom() -> None:
    claims = id_token_claims(
        active_grant(nonce="n-1"),
        client_subject=ClientSubject("p-1", "q-1"),
        issuer=ISSUER,
        access_token="token",
        person=None,
    )
    assert claims == {
        "iss": ISSUER,
        "sub": "p-1",
        "aud": "client-1",
        "iat": NOW,
        "exp": NOW + 600,
        "auth_time": NOW - 5,
        "acr": ACR_PASSWORD,
        "sid": "q-1",
        "nonce": "n-1",
        "at_hash": at_hash("token"),
    }


def test_claims_that_are_not_known_are_left_out() -> None:
    claims = id_token_claims(
        active_grant(),
        client_subject=ClientSubject("p-1", None),
        issuer=ISSUER,
        access_token="token",
        person=None,
    )
    assert {"nonce", "sid"}.isdisjoint(claims)


@pytest.mark.parametrize(
    ("scopes", "name", "claims"),
    [
        (("openid",), "Wesen", {"sub": "s"}),
        (("openid", "profile"), "Wesen", {"sub": "s", "preferred_username": "wesen", "name": "Wesen"}),
        (("openid", "profile"), None, {"sub": "s", "preferred_username": "wesen"}),
        (("openid", "profile"), "", {"sub": "s", "preferred_username": "wesen"}),
    ],
)
def test_userinfo_says_what_the_scopes_allow(
    scopes: tuple[str, ...], name: str | None, claims: dict[str, str]
) -> None:
    assert userinfo_claims("s", Person("wesen", name), scopes, ()) == claims


@pytest.mark.requirement("SEC-17")
@pytest.mark.parametrize(
    ("text", "described"),
    [
        ("plain text", "plain text"),
        ('a "quoted" word', "a 'quoted' word"),
        ("back\\slash", "back'slash"),
        ("line\r\nbreak", "line''break"),
        ("ünïcode\x00", "'n'code'"),
    ],
)
def test_a_description_holds_only_what_rfc_6749_allows(text: str, described: str) -> None:
    assert InvalidRequestError(Reason.PARAMETER_MISSING, text).members() == {
        "error": "invalid_request",
        "error_description": described,
    }


@pytest.mark.requirement("AS-9", "SEC-5")
@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("Claude", "Claude"),
        ("  Claude \t\n Code ", "Claude Code"),
        ("ノート アプリ", "ノート アプリ"),
        ("Notes 🗒", "Notes 🗒"),
        ("Cl\u200baude", "Claude"),
        ("\u202eedualC", "edualC"),
        ("Claude\u2066 (verified)\u2069", "Claude (verified)"),
        ("\ufeffClaude\u00ad", "Claude"),
        ("Claude\x00\x1b[31m", "Claude[31m"),
        ("Claude\u2028verified", "Claude verified"),
        ("Cla\u034fude", "Claude"),
        ("Claude\u3164\u3164\u115f\u1160\uffa0", "Claude"),
        ("\u2800Claude\u2800by\u2800X", "Claude by X"),
        ("Claude\U000e0041\U000e0042", "Claude"),
        ("Claude\ufe0f\U000e0101", "Claude"),
        ("Claude\ue000", "Claude"),
        ("a\u0301\u0301\u0301\u0301\u0301\u0301\u0301", "a\u0301\u0301"),
        ("x" * 81, "x" * 80),
        ("", "An unnamed client"),
        ("\u200b\u3164 \u2800", "An unnamed client"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
def test_a_name_is_shown_without_what_cannot_be_seen(given: str, shown: str) -> None:
    assert client(client_name=given).name == shown


def test_a_client_without_a_name_is_called_so() -> None:
    assert client().name == "An unnamed client"

"""Client metadata: which keys can be registered, how much of everything, and in which languages."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from auth_service.protocol.errors import InvalidClientMetadataError, InvalidRedirectUriError
from auth_service.protocol.registration import MAX_REDIRECT_URIS, parse_metadata

pytestmark = pytest.mark.requirement("AS-5")

URI = "https://client.example/cb"


def registered(body: object) -> dict[str, Any]:
    """The metadata as it is kept and echoed."""
    metadata, translations = parse_metadata(body)
    return {**metadata.registered(("authorization_code", "refresh_token")), **translations}


KEY = {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}
SIGNING = {"redirect_uris": [URI], "token_endpoint_auth_method": "private_key_jwt"}


@pytest.mark.requirement("AS-11")
@pytest.mark.parametrize(
    "keys",
    [{"jwks": {"keys": [KEY]}}, {"jwks": {"keys": [KEY] * 20}}, {"jwks_uri": "https://c.example/jwks"}],
)
def test_a_client_that_signs_registers_its_public_keys_or_where_they_are(keys: dict[str, Any]) -> None:
    assert registered({**SIGNING, **keys}).items() >= keys.items()


@pytest.mark.requirement("AS-11", "SEC-17")
@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({}, "private_key_jwt requires jwks or jwks_uri"),
        ({"jwks": {"keys": [KEY]}, "jwks_uri": "https://c.example/jwks"}, "cannot be used together"),
        ({"jwks": {}}, "must be a JWK Set"),
        ({"jwks": {"keys": KEY}}, "must be a JWK Set"),
        ({"jwks": {"keys": [KEY, "x"]}}, "must be a JWK Set"),
        ({"jwks": {"keys": [KEY] * 21}}, "must be a JWK Set"),
        ({"jwks": {"keys": [KEY, {**KEY, "d": "x"}]}}, "only public keys"),
        ({"jwks": {"keys": [{"kty": "oct", "k": "x"}]}}, "only public keys"),
        ({"jwks": {"keys": [KEY, {"kty": "RSA", "n": "_" * 1_400, "e": "AQAB"}]}}, "more than 8192 bits"),
    ],
)
def test_other_keys_are_refused(keys: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidClientMetadataError, match=reason):
        registered({**SIGNING, **keys})


def test_pairwise_subjects_need_a_sector() -> None:
    body = {"redirect_uris": [URI, "https://other.example/cb"], "subject_type": "pairwise"}
    with pytest.raises(InvalidClientMetadataError, match="sector_identifier_uri"):
        registered(body)


def test_as_much_as_may_be_registered_is() -> None:
    long = "https://c.example/" + "a" * (2_000 - 18)
    most = {
        "redirect_uris": [f"{URI}/{number}" for number in range(MAX_REDIRECT_URIS)],
        "response_types": ["code"] * 50,
        "grant_types": ["authorization_code"] * 50,
        "contacts": ["x"] * 20,
        "client_uri": long,
        "software_id": "x" * 1_000,
    }
    assert MAX_REDIRECT_URIS == 20
    accepted = registered(most)
    assert (len(accepted["redirect_uris"]), accepted["client_uri"]) == (20, long)
    for name, value in (
        ("response_types", ["code"] * 51),
        ("grant_types", ["x"] * 51),
        ("contacts", ["x"] * 21),
        ("client_uri", long + "a"),
        ("software_id", "x" * 1_001),
    ):
        with pytest.raises(InvalidClientMetadataError, match=name):
            registered({**most, name: value})


@pytest.mark.parametrize("member", ["dpop_bound_access_tokens", "require_signed_request_object"])
def test_a_promise_is_a_boolean_and_no_text(member: str) -> None:
    assert registered({"redirect_uris": [URI], member: True})[member] is True
    with pytest.raises(InvalidClientMetadataError, match=member):
        registered({"redirect_uris": [URI], member: "true"})


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("client_name#de", True),
        ("tos_uri#x", True),
        (f"client_name#{'x' * 35}", True),
        (f"client_name#{'x' * 36}", False),
        ("client_name#", False),
        ("contacts#de", False),
        ("#de", False),
    ],
)
def test_what_people_read_may_come_in_other_languages(name: str, accepted: bool) -> None:
    value = "https://c.example/tos" if name.startswith("tos") else "Notizen"
    assert registered({"redirect_uris": [URI], name: value}).get(name) == (value if accepted else None)


@pytest.mark.parametrize("name", ["logo_uri", "logo_uri#de"])
def test_a_logo_that_is_sent_itself_is_dropped(name: str) -> None:
    assert name not in registered({"redirect_uris": [URI], name: "DATA:image/png;base64,AA=="})
    with pytest.raises(InvalidClientMetadataError, match="logo_uri"):
        registered({"redirect_uris": [URI], name: "datax://c.example/logo"})


def test_only_a_logo_may_be_data() -> None:
    with pytest.raises(InvalidClientMetadataError, match="client_uri"):
        registered({"redirect_uris": [URI], "client_uri": "data:text/html,x"})


@pytest.mark.requirement("BOUND-2")
def test_all_of_the_metadata_has_a_budget_with_what_is_left_out_not_counted() -> None:
    room = 8_192 - len(
        '{"redirect_uris":["https://client.example/cb"],"token_endpoint_auth_method":"client_secret_basic",'
        '"grant_types":["authorization_code"],"response_types":["code"],"jwks":{"x":""}}'
    )
    body = {"redirect_uris": [URI]}
    parse_metadata({**body, "jwks": {"x": "x" * room}})
    with pytest.raises(InvalidClientMetadataError, match="too long"):
        parse_metadata({**body, "jwks": {"x": "x" * (room + 1)}})


def test_plain_http_is_for_the_networks_of_the_operator() -> None:
    body = {"redirect_uris": ["http://192.168.1.5/cb"]}
    with pytest.raises(InvalidRedirectUriError):
        parse_metadata(body)
    metadata, _ = parse_metadata(body, [ip_network("192.168.1.0/24")])
    assert metadata.redirect_uris == body["redirect_uris"]


def test_the_first_fault_is_the_one_that_is_named() -> None:
    with pytest.raises(InvalidRedirectUriError, match="redirect_uris: "):
        registered({"redirect_uris": ["javascript:x"], "client_uri": "x"})

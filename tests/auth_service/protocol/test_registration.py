"""Client metadata: what real clients send, what is refused, what is echoed."""

from __future__ import annotations

from typing import Any

import pytest

from auth_service.protocol.errors import InvalidClientMetadataError, InvalidRedirectUriError, OAuthError
from auth_service.protocol.registration import MAX_REDIRECT_URIS, parse_metadata
from tests.auth_service.protocol.software import BOTH, CLIENTS, DEVICE, URI

pytestmark = pytest.mark.requirement("AS-5")

OFFERED = (*BOTH, DEVICE)


def registered(body: object, grant_types: tuple[str, ...] = OFFERED) -> dict[str, Any]:
    """The metadata as it is kept and echoed."""
    metadata, translations = parse_metadata(body)
    return {**metadata.registered(grant_types), **translations}


@pytest.mark.parametrize("client", CLIENTS)
def test_what_real_clients_send_is_registered_and_echoed(client: str) -> None:
    body, changed = CLIENTS[client]
    expected = {**body, **changed}
    assert registered(body) == {name: value for name, value in expected.items() if value is not None}


@pytest.mark.parametrize("client", CLIENTS)
def test_what_is_echoed_holds_no_null_and_nothing_empty_but_response_types(client: str) -> None:
    metadata = registered(CLIENTS[client][0])
    assert [name for name, value in metadata.items() if value in (None, "")] == []
    assert metadata["response_types"] == (["code"] if "authorization_code" in metadata["grant_types"] else [])


@pytest.mark.parametrize("client", CLIENTS)
def test_registering_again_what_was_echoed_changes_nothing(client: str) -> None:
    once = registered(CLIENTS[client][0])
    assert registered(once) == once


@pytest.mark.requirement("SEC-13")
def test_a_client_cannot_register_itself_for_a_grant_that_is_not_offered_to_it() -> None:
    body = {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_basic"}
    assert registered(body)["grant_types"] == []
    assert registered(body, (*OFFERED, "client_credentials"))["grant_types"] == ["client_credentials"]


@pytest.mark.requirement("SEC-13")
def test_a_public_client_never_gets_tokens_on_its_own_behalf() -> None:
    body = {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "none"}
    with pytest.raises(InvalidClientMetadataError):
        registered(body, (*OFFERED, "client_credentials"))


REDIRECT = InvalidRedirectUriError
OTHER = InvalidClientMetadataError


@pytest.mark.requirement("SEC-17")
@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (None, OTHER),
        ([], OTHER),
        ("text", OTHER),
        (1, OTHER),
        (True, OTHER),
        ({}, REDIRECT),
        ({"redirect_uris": None}, REDIRECT),
        ({"redirect_uris": []}, REDIRECT),
        ({"redirect_uris": URI}, REDIRECT),
        ({"redirect_uris": {}}, REDIRECT),
        ({"redirect_uris": 1}, REDIRECT),
        ({"redirect_uris": [1]}, REDIRECT),
        ({"redirect_uris": [None]}, REDIRECT),
        ({"redirect_uris": [[URI]]}, REDIRECT),
        ({"redirect_uris": [""]}, REDIRECT),
        ({"redirect_uris": [URI, "javascript:alert(1)"]}, REDIRECT),
        ({"redirect_uris": [URI, "http://client.example/"]}, REDIRECT),
        ({"redirect_uris": [f"{URI}/{n}" for n in range(MAX_REDIRECT_URIS + 1)]}, REDIRECT),
        ({"redirect_uris": [URI], "grant_types": "authorization_code"}, OTHER),
        ({"redirect_uris": [URI], "grant_types": [1]}, OTHER),
        ({"redirect_uris": [URI], "grant_types": ["x"] * 51}, OTHER),
        ({"redirect_uris": [URI], "grant_types": ["x" * 1_001]}, OTHER),
        ({"redirect_uris": [URI], "response_types": {"code": True}}, OTHER),
        ({"redirect_uris": [URI], "token_endpoint_auth_method": "client_secret_jwt"}, OTHER),
        ({"redirect_uris": [URI], "token_endpoint_auth_method": "tls_client_auth"}, OTHER),
        ({"redirect_uris": [URI], "token_endpoint_auth_method": ["none"]}, OTHER),
        ({"redirect_uris": [URI], "token_endpoint_auth_method": 1}, OTHER),
        ({"redirect_uris": [URI], "token_endpoint_auth_method": "private_key_jwt"}, OTHER),
        ({"redirect_uris": [URI], "client_name": 1}, OTHER),
        ({"redirect_uris": [URI], "client_name": ["x"]}, OTHER),
        ({"redirect_uris": [URI], "client_name": "x" * 201}, OTHER),
        ({"redirect_uris": [URI], "client_name#de": 1}, OTHER),
        ({"redirect_uris": [URI], "client_name#de": "x" * 201}, OTHER),
        ({"redirect_uris": [URI], "logo_uri#de": "javascript:alert(1)"}, OTHER),
        ({"redirect_uris": [URI], "client_uri": "javascript:alert(1)"}, OTHER),
        ({"redirect_uris": [URI], "client_uri": "/relative"}, OTHER),
        ({"redirect_uris": [URI], "tos_uri": "https://"}, OTHER),
        ({"redirect_uris": [URI], "policy_uri": "https://[x/"}, OTHER),
        ({"redirect_uris": [URI], "policy_uri": "https://client.example/a b"}, OTHER),
        ({"redirect_uris": [URI], "policy_uri": "https://client.example/" + "a" * 2_000}, OTHER),
        ({"redirect_uris": [URI], "scope": 1}, OTHER),
        ({"redirect_uris": [URI], "scope": ["a"]}, OTHER),
        ({"redirect_uris": [URI], "scope": 'a"b'}, OTHER),
        ({"redirect_uris": [URI], "scope": "a\tb"}, OTHER),
        ({"redirect_uris": [URI], "scope": "ü"}, OTHER),
        ({"redirect_uris": [URI], "scope": "a " * 2_001}, OTHER),
        ({"redirect_uris": [URI], "contacts": "me@client.example"}, OTHER),
        ({"redirect_uris": [URI], "contacts": ["x"] * 21}, OTHER),
        ({"redirect_uris": [URI], "software_id": {"x": 1}}, OTHER),
    ],
)
def test_metadata_that_is_not_as_rfc_7591_has_it_is_refused(body: object, refusal: type[OAuthError]) -> None:
    with pytest.raises(refusal) as raised:
        registered(body)
    assert raised.value.status == 400
    assert raised.value.description


@pytest.mark.requirement("SEC-4")
def test_a_refusal_repeats_nothing_of_what_was_sent() -> None:
    with pytest.raises(OAuthError) as raised:
        registered({"redirect_uris": ["javascript:alert('<script>')"], "client_name": "<script>"})
    assert "script>" not in raised.value.description
    assert "alert" not in raised.value.description

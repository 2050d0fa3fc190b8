"""Discovery documents of identity providers."""

from __future__ import annotations

from typing import Any

import pytest

from auth_service.protocol.provider_metadata import (
    ProviderMetadata,
    ProviderMetadataError,
    discovery_url,
    parse_metadata,
)

pytestmark = pytest.mark.requirement("ID-1")

ISSUER = "https://id.example/tenant"
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize?p=1",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/jwks",
}


@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        ("https://id.example", "https://id.example/.well-known/openid-configuration"),
        (ISSUER, f"{ISSUER}/.well-known/openid-configuration"),
        ("https://x.auth0.com/", "https://x.auth0.com/.well-known/openid-configuration"),
    ],
)
def test_the_document_is_where_discovery_puts_it(issuer: str, url: str) -> None:
    assert discovery_url(issuer) == url


def test_a_provider_sends_no_issuer_and_takes_basic_authentication_unless_it_says_otherwise() -> None:
    metadata = ProviderMetadata(
        issuer=ISSUER, authorization_endpoint="https://a", token_endpoint="https://t", jwks_uri="https://j"
    )
    assert (metadata.sends_iss, metadata.basic) == (False, True)


def test_a_document_says_where_things_are() -> None:
    metadata = parse_metadata({**DOCUMENT, "userinfo_endpoint": f"{ISSUER}/me"}, ISSUER)
    assert metadata.userinfo_endpoint == f"{ISSUER}/me"
    assert metadata.basic
    assert not metadata.sends_iss
    assert metadata.authorization_url({"a": "b c"}) == f"{ISSUER}/authorize?p=1&a=b+c"
    other = {
        **DOCUMENT,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "authorization_response_iss_parameter_supported": True,
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    }
    metadata = parse_metadata(other, ISSUER)
    assert metadata.sends_iss
    assert not metadata.basic
    assert metadata.authorization_url({"a": "b"}) == f"{ISSUER}/authorize?a=b"
    assert metadata.end_session_url({}) is None
    ending = parse_metadata({**DOCUMENT, "end_session_endpoint": f"{ISSUER}/end"}, ISSUER)
    assert ending.end_session_url({"client_id": "m&e"}) == f"{ISSUER}/end?client_id=m%26e"


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://id.example"},
        {"issuer": f"{ISSUER}/"},
        {"issuer": None},
        {"token_endpoint": None},
        {"jwks_uri": 1},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "http://id.example/authorize"},
        {"token_endpoint": "https://127.0.0.1/token"},
        {"token_endpoint": "http://169.254.169.254/latest"},
        {"userinfo_endpoint": "https://user@id.example/"},
        {"jwks_uri": "file:///etc/passwd"},
    ],
)
def test_a_document_of_another_issuer_or_with_unsafe_endpoints_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ProviderMetadataError):
        parse_metadata({**DOCUMENT, **changes}, ISSUER)


def test_what_is_not_an_object_is_refused() -> None:
    with pytest.raises(ProviderMetadataError):
        parse_metadata([], ISSUER)

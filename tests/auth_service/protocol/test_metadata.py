"""The server metadata (RFC 8414 §2, OpenID Connect Discovery §3)."""

from __future__ import annotations

from typing import Any

import pytest

from auth_service.protocol.metadata import server_metadata

pytestmark = pytest.mark.requirement("AS-2")

ISSUER = "https://as.example/base"


def metadata(*, client_documents: bool = True, grant_profiles: tuple[str, ...] = ()) -> dict[str, Any]:
    return server_metadata(
        ISSUER,
        ["openid", "read"],
        ["authorization_code"],
        client_documents=client_documents,
        grant_profiles=list(grant_profiles),
    )


def test_every_endpoint_is_below_the_issuer() -> None:
    announced = metadata()
    endpoints = {name for name in announced if name.endswith(("_endpoint", "_uri"))}
    assert len(endpoints) == 10
    assert all(announced[name].startswith(f"{ISSUER}/") for name in endpoints)
    assert announced["issuer"] == ISSUER


def test_it_says_what_there_is() -> None:
    announced = metadata()
    assert {name: value for name, value in announced.items() if isinstance(value, bool)} == {
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "client_id_metadata_document_supported": True,
        "authorization_response_iss_parameter_supported": True,
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
        "require_signed_request_object": False,
        "require_pushed_authorization_requests": False,
        "request_uri_parameter_supported": False,
    }
    assert metadata(client_documents=False)["client_id_metadata_document_supported"] is False
    assert announced["scopes_supported"] == ["openid", "read"]
    assert announced["grant_types_supported"] == ["authorization_code"]
    assert announced["code_challenge_methods_supported"] == ["S256"]
    assert announced["response_types_supported"] == ["code"]


def test_nobody_introspects_without_saying_who_it_is() -> None:
    methods = metadata()["token_endpoint_auth_methods_supported"]
    assert "none" in methods
    with_credentials = [method for method in methods if method != "none"]
    assert metadata()["introspection_endpoint_auth_methods_supported"] == with_credentials


def test_grant_profiles_are_left_out_where_there_are_none() -> None:
    assert "authorization_grant_profiles_supported" not in metadata()
    profile = "urn:ietf:params:oauth:grant-profile:id-jag"
    announced = metadata(grant_profiles=(profile,))
    assert announced["authorization_grant_profiles_supported"] == [profile]

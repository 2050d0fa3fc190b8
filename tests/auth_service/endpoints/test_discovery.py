"""The public documents, ID tokens held against them, and what an issuer with a path changes."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.auth_service.service import AuthorizationServer, running
from tests.cookies import cookie_name

WELL_KNOWN = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")


@pytest.mark.parametrize("path", [*WELL_KNOWN, "/jwks"])
def test_a_document_that_the_requester_has_is_not_sent_again(server: AuthorizationServer, path: str) -> None:
    document = server.get(path)
    tag = document.headers["etag"]
    for matching_tags in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        unchanged = server.get(path, **{"If-None-Match": matching_tags})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert unchanged.headers["etag"] == tag
        assert unchanged.headers["cache-control"] == document.headers["cache-control"]
    for unknown in ('"other"', tag.strip('"'), ""):
        assert server.get(path, **{"If-None-Match": unknown}).content == document.content


@pytest.mark.requirement("AS-2", "AS-3")
def test_both_documents_are_one_and_complete(server: AuthorizationServer) -> None:
    oauth, openid = (server.get(path).json() for path in WELL_KNOWN)
    assert oauth == openid
    assert oauth["issuer"] == server.issuer
    # RFC 8414 §2 and OpenID Connect Discovery §3: what must be there.
    for member in (
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "registration_endpoint",
        "scopes_supported",
        "response_types_supported",
        "grant_types_supported",
        "subject_types_supported",
        "id_token_signing_alg_values_supported",
        "token_endpoint_auth_methods_supported",
    ):
        assert oauth[member]
    assert oauth["code_challenge_methods_supported"] == ["S256"]
    assert oauth["authorization_response_iss_parameter_supported"] is True
    assert "none" in oauth["token_endpoint_auth_methods_supported"]
    assert "offline_access" in oauth["scopes_supported"]


@pytest.mark.requirement("AS-2", "AS-3")
def test_every_url_that_is_announced_begins_with_the_issuer_and_answers(server: AuthorizationServer) -> None:
    metadata = server.get(WELL_KNOWN[0]).json()
    urls = [value for value in metadata.values() if isinstance(value, str) and "://" in value]
    assert len(urls) >= 9
    for url in urls:
        assert url.startswith(server.issuer)
        if url != server.issuer:
            assert server.http.get(url).status_code != 404, url


@pytest.mark.requirement("AS-22")
@pytest.mark.parametrize("path", [*WELL_KNOWN, "/jwks"])
def test_the_documents_may_be_cached_and_read_from_any_page(server: AuthorizationServer, path: str) -> None:
    response = server.get(path, Origin="https://inspector.example")
    assert response.headers["cache-control"].startswith("public, max-age=")
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["content-type"] == "application/json"
    head = server.http.head(f"{server.origin}{path}")
    assert (head.status_code, head.content) == (200, b"")


def test_the_key_set_holds_public_keys_only(server: AuthorizationServer) -> None:
    keys = server.get("/jwks").json()["keys"]
    assert {key["alg"] for key in keys} >= {"RS256"}
    assert len({key["kid"] for key in keys}) == len(keys)
    for key in keys:
        assert key["use"] == "sig"
        assert {"d", "p", "q", "dp", "dq", "qi", "k"}.isdisjoint(key)


def verified(server: AuthorizationServer, id_token: str) -> dict[str, Any]:
    """The claims of an ID token, checked as a client checks it (OpenID Connect Core §3.1.3.7)."""
    keys = KeySet.import_key_set(server.get("/jwks").json())
    token = jwt.decode(id_token, keys, algorithms=["RS256"])
    registry = jwt.JWTClaimsRegistry(
        now=lambda: int(server.clock()),
        iss={"essential": True, "value": server.issuer},
        aud={"essential": True},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    registry.validate(token.claims)
    assert token.header["typ"] == "JWT"
    return dict(token.claims)


@pytest.mark.requirement("AS-17", "AS-3")
def test_an_id_token_verifies_and_says_who_logged_in(server: AuthorizationServer) -> None:
    client = server.register()
    tokens = server.connect(client, scope="openid notes:read", nonce="n-0S6_WzA2Mj")
    claims = verified(server, tokens["id_token"])
    assert claims["aud"] == client.client_id
    assert claims["nonce"] == "n-0S6_WzA2Mj"
    assert claims["auth_time"] <= claims["iat"] < claims["exp"]
    left_half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert claims["at_hash"] == base64.urlsafe_b64encode(left_half).rstrip(b"=").decode()
    bearer = f"Bearer {tokens['access_token']}"
    assert server.get("/userinfo", Authorization=bearer).json()["sub"] == claims["sub"]
    assert server.introspect(tokens["access_token"])["sub"] == claims["sub"]


@pytest.mark.requirement("AS-17")
def test_there_is_no_id_token_without_openid_and_no_nonce_without_one(server: AuthorizationServer) -> None:
    assert "id_token" not in server.connect(scope="notes:read profile")
    assert "nonce" not in verified(server, server.connect(scope="openid")["id_token"])


@pytest.mark.requirement("AS-17")
def test_auth_time_is_the_time_of_the_login_not_of_the_request(server: AuthorizationServer) -> None:
    client = server.register()
    first = verified(server, server.connect(client, scope="openid")["id_token"])
    server.clock.advance(300)
    second = verified(server, server.connect(client, scope="openid")["id_token"])
    assert second["auth_time"] == first["auth_time"]
    assert second["iat"] >= first["iat"] + 300
    server.clock.advance(10)
    fresh = verified(server, server.connect(client, scope="openid", prompt="login")["id_token"])
    assert fresh["auth_time"] > second["iat"]


ISSUER_WITH_PATH = "https://auth.example/tenant/one"


@pytest.fixture(scope="module")
def with_path(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    with running(new_store(), issuer=ISSUER_WITH_PATH) as server:
        yield server


@pytest.mark.requirement("AS-2", "AS-3")
def test_an_issuer_with_a_path_is_found_at_all_three_places(with_path: AuthorizationServer) -> None:
    places = (
        "/.well-known/oauth-authorization-server/tenant/one",
        "/.well-known/openid-configuration/tenant/one",
        "/tenant/one/.well-known/openid-configuration",
        "/tenant/one/.well-known/oauth-authorization-server",
    )
    documents = [with_path.get(place).json() for place in places]
    assert all(document == documents[0] for document in documents)
    assert documents[0]["issuer"] == ISSUER_WITH_PATH
    assert documents[0]["token_endpoint"] == f"{ISSUER_WITH_PATH}/token"
    assert with_path.get("/.well-known/oauth-authorization-server/tenant/two").status_code == 404
    assert with_path.get("/tenant/two/.well-known/openid-configuration").status_code == 404


@pytest.mark.requirement("AS-2")
def test_a_service_behind_a_proxy_answers_with_the_path_and_without(with_path: AuthorizationServer) -> None:
    for prefix in ("", "/tenant/one"):
        assert with_path.get(f"{prefix}/jwks").status_code == 200
        login = with_path.get(f"{prefix}/login")
        assert login.status_code == 200
        assert 'action="login"' in login.text
        assert with_path.get(f"{prefix}/static/doorward.css").status_code == 200
        registered = with_path.http.post(
            f"{with_path.origin}{prefix}/register", json={"redirect_uris": ["https://c.example/"]}
        ).json()
        assert registered["registration_client_uri"].startswith(f"{ISSUER_WITH_PATH}/register/")


@pytest.mark.requirement("AS-23", "SEC-16")
def test_cookies_of_an_https_issuer_are_bound_to_it(with_path: AuthorizationServer) -> None:
    response = with_path.get("/login")
    cookie = response.headers["set-cookie"]
    assert cookie.startswith(f"{cookie_name(with_path.issuer, 'browser')}=")
    assert cookie.startswith("__Host-")
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")
    assert response.headers["strict-transport-security"]


@pytest.mark.requirement("AS-22")
def test_the_description_of_the_api_is_json_without_nulls(server: AuthorizationServer) -> None:
    assert json.loads(server.get("/openapi.json").text)["openapi"].startswith("3.1")

"""POST /introspect, /revoke and /userinfo."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.auth_service.service import RESOURCE, RESOURCE_SECRET, AuthorizationServer

INACTIVE = {"active": False}


@pytest.mark.requirement("AS-15")
def test_a_resource_server_is_told_everything_about_a_token_for_its_resource(
    server: AuthorizationServer,
) -> None:
    client = server.register()
    tokens = server.connect(client, scope="openid notes:read")
    response = server.http.post(
        f"{server.origin}/introspect",
        data={"token": tokens["access_token"], "token_type_hint": "access_token"},
        auth=httpx2.BasicAuth("resource", RESOURCE_SECRET),
    )
    assert response.headers["cache-control"] == "no-store"
    answer = response.json()
    now = server.clock()
    assert now < answer.pop("exp") <= now + 600
    assert now - 60 < answer.pop("iat") <= now
    assert answer.pop("sub")
    assert answer.pop("grant_id")
    assert answer.pop("auth_time") <= now
    assert answer == {
        "active": True,
        "scope": "openid notes:read",
        "client_id": client.client_id,
        "username": "wesen",
        "token_type": "Bearer",
        "acr": "password",
        "aud": RESOURCE,
        "iss": server.issuer,
    }


@pytest.mark.requirement("AS-15")
def test_a_confidential_client_is_told_about_its_own_tokens(server: AuthorizationServer) -> None:
    client = server.register(token_endpoint_auth_method="client_secret_post")
    tokens = server.connect(client)
    assert client.introspect(tokens["access_token"]).json()["active"] is True
    refresh = client.introspect(tokens["refresh_token"]).json()
    assert refresh["active"] is True
    assert "token_type" not in refresh
    assert server.introspect(tokens["refresh_token"]) == INACTIVE


@pytest.mark.requirement("AS-15", "SEC-10")
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "id_token", "ü", ""])
def test_a_hint_changes_nothing(server: AuthorizationServer, hint: str) -> None:
    tokens = server.connect()
    response = server.http.post(
        f"{server.origin}/introspect",
        data={"token": tokens["access_token"], "token_type_hint": hint},
        auth=httpx2.BasicAuth("resource", RESOURCE_SECRET),
    )
    assert response.json()["active"] is True


@pytest.mark.requirement("AS-15")
def test_a_question_without_a_token_is_refused(server: AuthorizationServer) -> None:
    response = server.http.post(
        f"{server.origin}/introspect", data={}, auth=httpx2.BasicAuth("resource", RESOURCE_SECRET)
    )
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.requirement("AS-16")
@pytest.mark.parametrize("member", ["access_token", "refresh_token"])
@pytest.mark.parametrize("method", ["none", "client_secret_basic"])
def test_revoking_either_token_ends_both_at_once(
    server: AuthorizationServer, member: str, method: str
) -> None:
    client = server.register(token_endpoint_auth_method=method)
    tokens = server.connect(client, scope="openid notes:read")
    response = client.revoke(tokens[member])
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["cache-control"] == "no-store"
    assert server.introspect(tokens["access_token"]) == INACTIVE
    assert client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    bearer = f"Bearer {tokens['access_token']}"
    assert server.get("/userinfo", Authorization=bearer).status_code == 401
    assert client.revoke(tokens[member]).status_code == 200


@pytest.mark.requirement("AS-16")
def test_an_older_refresh_token_still_ends_its_grant(server: AuthorizationServer) -> None:
    client = server.register()
    first = server.connect(client)
    second = client.refresh(first["refresh_token"]).json()
    client.revoke(first["refresh_token"])
    assert not server.is_active(second["access_token"])


@pytest.mark.requirement("AS-16", "SEC-9", "SEC-17")
@pytest.mark.parametrize("token", ["x", "dw_at_" + "A" * 64, "ü", "a" * 10_000])
def test_revoking_what_is_not_a_token_is_fine(server: AuthorizationServer, token: str) -> None:
    assert server.register().revoke(token).status_code == 200


@pytest.mark.requirement("AS-16")
def test_revoking_nothing_and_by_nobody_is_not(server: AuthorizationServer) -> None:
    client = server.register()
    missing = client.revoke("")
    assert (missing.status_code, missing.json()["error"]) == (400, "invalid_request")
    nobody = server.post("/revoke", token="x")
    assert (nobody.status_code, nobody.json()["error"]) == (401, "invalid_client")


def userinfo(server: AuthorizationServer, token: str, **options: Any) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return server.http.request(
        options.pop("method", "GET"), f"{server.origin}/userinfo", headers=headers, **options
    )


@pytest.mark.requirement("AS-17")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_userinfo_says_what_the_scopes_allow(server: AuthorizationServer, method: str) -> None:
    person = server.add_user(f"named-{method}", "password", "Ada Lovelace")
    client = server.register()
    plain = client.connect(person, scope="openid")["access_token"]
    full = client.connect(person, scope="openid profile")["access_token"]
    assert not server.is_active(plain)  # it is for UserInfo, and no resource server is told more
    subject = server.introspect(client.connect(person, scope="openid notes:read")["access_token"])["sub"]
    response = userinfo(server, plain, method=method)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    claims = response.json()
    assert claims.keys() == {"sub"}
    assert claims["sub"] == subject
    assert userinfo(server, full, method=method).json() == {
        "sub": subject,
        "preferred_username": f"named-{method}",
        "name": "Ada Lovelace",
    }
    person.close()


@pytest.mark.requirement("AS-17")
def test_the_token_may_come_in_a_posted_form(server: AuthorizationServer) -> None:
    token = server.connect(scope="openid")["access_token"]
    assert server.post("/userinfo", access_token=token).status_code == 200
    twice = userinfo(server, token, method="POST", data={"access_token": token})
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")
    in_query = server.http.get(f"{server.origin}/userinfo", params={"access_token": token})
    assert in_query.status_code == 401


@pytest.mark.requirement("AS-17")
def test_a_token_without_openid_is_not_enough(server: AuthorizationServer) -> None:
    response = userinfo(server, server.connect(scope="notes:read profile")["access_token"])
    assert (response.status_code, response.json()["error"]) == (403, "insufficient_scope")
    assert 'error="insufficient_scope"' in response.headers["www-authenticate"]


@pytest.mark.requirement("AS-17")
def test_a_client_is_not_a_user(server: AuthorizationServer) -> None:
    client = server.register(
        grant_types=["client_credentials"], token_endpoint_auth_method="client_secret_basic"
    )
    token = client.token(grant_type="client_credentials", scope="openid").json()["access_token"]
    assert userinfo(server, token).status_code == 403


@pytest.mark.requirement("AS-17")
def test_userinfo_wants_a_good_token(server: AuthorizationServer) -> None:
    none = server.get("/userinfo")
    assert (none.status_code, none.headers["www-authenticate"]) == (401, "Bearer")
    tokens = server.connect(scope="openid")
    for bad in ("x", tokens["refresh_token"], tokens["id_token"], "dw_at_" + "A" * 64, "a b"):
        response = userinfo(server, bad)
        assert (response.status_code, response.json()["error"]) == (401, "invalid_token")
        assert 'error="invalid_token"' in response.headers["www-authenticate"]
    server.clock.advance(600)
    assert userinfo(server, tokens["access_token"]).status_code == 401

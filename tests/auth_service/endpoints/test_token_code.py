"""POST /token with authorization_code."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.auth_service.service import OTHER_RESOURCE, RESOURCE, AuthorizationServer
from tests.flow import Client, Pkce
from tests.stores import ON_ONE_STORE

CALLBACK = "https://client.example/cb"


def code_for(server: AuthorizationServer, client: Client, pkce: Pkce, **parameters: str | None) -> str:
    """A code that the demo user has allowed."""
    return server.person.authorize(client.authorization_url(pkce, **parameters))["code"]


@pytest.mark.requirement("AS-19", "AS-22")
def test_a_code_becomes_tokens(server: AuthorizationServer) -> None:
    client, pkce = server.register(), Pkce()
    response = client.redeem(code_for(server, client, pkce), pkce)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "application/json"
    tokens = response.json()
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    assert tokens["access_token"].startswith("dw_at_")
    assert tokens["refresh_token"].startswith("dw_rt_")
    assert (tokens["token_type"], tokens["scope"]) == ("Bearer", "notes:read notes:write")
    assert 0 < tokens["expires_in"] <= 600
    assert server.is_active(tokens["access_token"])


@pytest.mark.requirement("AS-13")
@pytest.mark.parametrize(
    ("grant_types", "scope", "refreshable"),
    [
        (["authorization_code"], None, False),
        (["authorization_code"], "notes:read offline_access", True),
        (["authorization_code", "refresh_token"], None, True),
        (["authorization_code", "refresh_token"], "notes:read", True),
    ],
)
def test_a_refresh_token_is_for_who_registered_for_it_or_was_granted_offline_access(
    server: AuthorizationServer, grant_types: list[str], scope: str | None, refreshable: bool
) -> None:
    client = server.register(grant_types=grant_types)
    tokens = server.connect(client, scope=scope)
    assert ("refresh_token" in tokens) is refreshable
    if refreshable:
        assert client.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.requirement("AS-11")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_confidential_client_redeems_with_its_secret(server: AuthorizationServer, method: str) -> None:
    client = server.register(token_endpoint_auth_method=method)
    assert server.is_active(server.connect(client)["access_token"])


@pytest.mark.requirement("SEC-6")
def test_a_code_used_twice_ends_everything_it_led_to(server: AuthorizationServer) -> None:
    client, pkce = server.register(), Pkce()
    code = code_for(server, client, pkce)
    tokens = client.redeem(code, pkce).json()
    renewed = client.refresh(tokens["refresh_token"]).json()
    server.clock.advance(12)
    again = client.redeem(code, pkce)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert not server.is_active(tokens["access_token"])
    assert not server.is_active(renewed["access_token"])
    assert client.refresh(renewed["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.requirement("AS-1", "SEC-6")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "A" * 43}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_grant"),
        ({"redirect_uri": "https://client.example/other"}, "invalid_grant"),
        ({"redirect_uri": CALLBACK + "/"}, "invalid_grant"),
        ({"redirect_uri": "https://CLIENT.example/cb"}, "invalid_grant"),
        ({"resource": OTHER_RESOURCE}, "invalid_target"),
        ({"resource": "not a URI"}, "invalid_target"),
    ],
)
def test_a_wrong_redemption_is_refused_and_the_code_stays_good(
    server: AuthorizationServer, changes: dict[str, str], error: str
) -> None:
    client, pkce = server.register(redirect_uris=[CALLBACK]), Pkce()
    code = code_for(server, client, pkce)
    refused = client.redeem(code, pkce, **changes)
    assert (refused.status_code, refused.json()["error"]) == (400, error)
    assert refused.headers["cache-control"] == "no-store"
    assert client.redeem(code, pkce).status_code == 200


def test_the_redirect_uri_may_be_left_out_with_pkce(server: AuthorizationServer) -> None:
    client, pkce = server.register(), Pkce()
    code = code_for(server, client, pkce)
    assert client.redeem(code, pkce, redirect_uri="").status_code == 200


def test_a_code_is_good_for_a_minute(server: AuthorizationServer) -> None:
    client, pkce = server.register(), Pkce()
    code, late = code_for(server, client, pkce), code_for(server, client, pkce)
    server.clock.advance(50)
    assert client.redeem(code, pkce).status_code == 200
    server.clock.advance(10)
    assert client.redeem(late, pkce).json()["error"] == "invalid_grant"


@pytest.mark.requirement("SEC-6", "SEC-17")
@pytest.mark.parametrize(
    "code", ["x", "dw_ac_", "dw_ac_" + "A" * 64, "dw_at_" + "A" * 64, "ü", "a" * 10_000, "%00"]
)
def test_a_code_that_was_never_issued_is_refused(server: AuthorizationServer, code: str) -> None:
    response = server.register().redeem(code, Pkce())
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


@pytest.mark.requirement("SEC-6")
def test_a_token_is_not_a_code_and_a_code_is_not_a_token(server: AuthorizationServer) -> None:
    client, pkce = server.register(), Pkce()
    code = code_for(server, client, pkce)
    tokens = server.connect(client)
    for token in (tokens["access_token"], tokens["refresh_token"]):
        assert client.redeem(token, pkce).json()["error"] == "invalid_grant"
        assert client.redeem("dw_ac_" + token[6:], pkce).json()["error"] == "invalid_grant"
    assert client.refresh(code).json()["error"] == "invalid_grant"
    assert client.refresh(tokens["access_token"]).json()["error"] == "invalid_grant"
    assert not server.is_active(code)
    assert server.get("/userinfo", Authorization=f"Bearer {code}").status_code == 401
    assert client.redeem(code, pkce).status_code == 200


@pytest.mark.requirement("AS-14")
@pytest.mark.parametrize("resource", [None, RESOURCE, RESOURCE + "/", "HTTPS://MCP.example/mcp"])
@pytest.mark.parametrize("repeated", [None, RESOURCE, "https://MCP.EXAMPLE/mcp/"])
@ON_ONE_STORE
def test_the_resource_may_be_spelled_as_clients_spell_it_at_both_legs(
    server: AuthorizationServer, resource: str | None, repeated: str | None
) -> None:
    client, pkce = server.register(), Pkce()
    code = code_for(server, client, pkce, resource=resource)
    tokens = client.redeem(code, pkce, **({"resource": repeated} if repeated else {})).json()
    assert server.introspect(tokens["access_token"])["aud"] == RESOURCE


@pytest.mark.requirement("SEC-2")
@pytest.mark.parametrize("name", ["code", "grant_type", "redirect_uri", "code_verifier", "client_id"])
def test_a_parameter_that_comes_twice_is_refused(server: AuthorizationServer, name: str) -> None:
    client, pkce = server.register(), Pkce()
    pairs = [
        ("grant_type", "authorization_code"),
        ("code", code_for(server, client, pkce)),
        ("redirect_uri", client.information["redirect_uris"][0]),
        ("code_verifier", pkce.verifier),
        ("client_id", client.client_id),
    ]
    twice = [*pairs, *(pair for pair in pairs if pair[0] == name)]
    for form, status in ((twice, 400), (pairs, 200)):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        response = server.http.post(f"{server.origin}/token", content=urlencode(form), headers=headers)
        assert response.status_code == status
        assert status == 200 or response.json()["error"] == "invalid_request"

"""POST /token with refresh_token: rotation, the grace window, reuse, lifetimes, narrowing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.auth_service.service import OTHER_RESOURCE, RESOURCE, AuthorizationServer, machine

pytestmark = pytest.mark.requirement("AS-13")

GRACE_S = 60
ACCESS_S = 600
IDLE_S = 30 * 86_400
ABSOLUTE_S = 180 * 86_400


def test_a_refresh_gives_new_tokens_and_the_old_access_token_lives_on(server: AuthorizationServer) -> None:
    client = server.register()
    first = server.connect(client)
    response = client.refresh(first["refresh_token"])
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    second = response.json()
    assert second.keys() == first.keys()
    assert second["scope"] == first["scope"]
    assert {second["access_token"], second["refresh_token"]}.isdisjoint(first.values())
    assert server.is_active(first["access_token"])
    assert server.is_active(second["access_token"])


def test_inside_the_window_the_answer_is_the_same_byte_for_byte(server: AuthorizationServer) -> None:
    client = server.register()
    token = server.connect(client)["refresh_token"]
    answers = {client.refresh(token).content for _ in range(3)}
    server.clock.advance(GRACE_S - 5)
    answers.add(client.refresh(token).content)
    assert len(answers) == 1


@pytest.mark.requirement("SEC-7")
def test_outside_the_window_it_is_reuse_and_ends_the_grant(server: AuthorizationServer) -> None:
    client = server.register()
    first = server.connect(client)
    second = client.refresh(first["refresh_token"]).json()
    server.confirm(second["access_token"])
    server.clock.advance(GRACE_S + 1)
    reused = client.refresh(first["refresh_token"])
    assert (reused.status_code, reused.json()["error"]) == (400, "invalid_grant")
    assert not server.is_active(second["access_token"])
    assert client.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.requirement("SEC-7")
def test_two_rotations_back_is_reuse_at_once(server: AuthorizationServer) -> None:
    client = server.register()
    first = server.connect(client)
    second = client.refresh(first["refresh_token"]).json()
    third = client.refresh(second["refresh_token"]).json()
    assert client.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert not server.is_active(third["access_token"])


@pytest.mark.requirement("SEC-7")
def test_many_refreshes_at_once_have_one_successor(server: AuthorizationServer) -> None:
    client = server.register()
    token = server.connect(client)["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": client.client_id}

    def refresh(_: int) -> bytes:
        with machine() as http:
            return http.post(f"{server.origin}/token", data=form).content

    with ThreadPoolExecutor(16) as pool:
        answers = set(pool.map(refresh, range(64)))
    assert len(answers) == 1
    successor = httpx2.Response(200, content=answers.pop()).json()
    assert client.refresh(successor["refresh_token"]).status_code == 200


def test_an_access_token_ends_and_a_refresh_replaces_it(server: AuthorizationServer) -> None:
    client = server.register()
    first = server.connect(client)
    server.clock.advance(first["expires_in"] - 1)
    assert server.is_active(first["access_token"])
    server.clock.advance(ACCESS_S - first["expires_in"] + 1)
    assert not server.is_active(first["access_token"])
    assert server.is_active(client.refresh(first["refresh_token"]).json()["access_token"])


def test_a_refresh_token_that_is_not_used_ends(server: AuthorizationServer) -> None:
    client = server.register()
    token = server.connect(client)["refresh_token"]
    server.clock.advance(IDLE_S)
    assert client.refresh(token).json()["error"] == "invalid_grant"


def test_use_keeps_it_alive_up_to_the_absolute_end(server: AuthorizationServer) -> None:
    client = server.register()
    token, lived_s = server.connect(client)["refresh_token"], 0
    while lived_s + IDLE_S - 60 < ABSOLUTE_S:
        server.clock.advance(IDLE_S - 60)
        lived_s += IDLE_S - 60
        response = client.refresh(token)
        assert response.status_code == 200, lived_s
        token = response.json()["refresh_token"]
    server.clock.advance(ABSOLUTE_S - lived_s + 61)
    assert client.refresh(token).json()["error"] == "invalid_grant"


@pytest.mark.requirement("AS-21", "SEC-7")
def test_scope_narrows_for_one_access_token_and_never_widens(server: AuthorizationServer) -> None:
    client = server.register()
    first = server.connect(client, scope="notes:read notes:write")
    narrowed = client.refresh(first["refresh_token"], scope="notes:read").json()
    assert narrowed["scope"] == "notes:read"
    assert server.introspect(narrowed["access_token"])["scope"] == "notes:read"
    assert server.introspect(first["access_token"])["scope"] == "notes:read notes:write"
    full = client.refresh(narrowed["refresh_token"]).json()
    assert full["scope"] == "notes:read notes:write"
    assert server.introspect(narrowed["access_token"])["scope"] == "notes:read"
    for scope in ("openid", "profile", "unknown", '"'):
        refused = client.refresh(full["refresh_token"], scope=scope)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")
    assert client.refresh(full["refresh_token"]).status_code == 200


@pytest.mark.requirement("AS-14", "SEC-7")
def test_the_resource_may_be_repeated_and_never_changed(server: AuthorizationServer) -> None:
    client = server.register()
    token = server.connect(client)["refresh_token"]
    for resource in (OTHER_RESOURCE, RESOURCE + "/x", "x"):
        refused = client.refresh(token, resource=resource)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")
    for resource in (RESOURCE, RESOURCE + "/", "HTTPS://mcp.EXAMPLE/mcp"):
        refreshed = client.refresh(token, resource=resource).json()
        token = refreshed["refresh_token"]
        assert server.introspect(refreshed["access_token"])["aud"] == RESOURCE


@pytest.mark.requirement("SEC-7")
def test_another_client_can_neither_use_nor_end_it(server: AuthorizationServer) -> None:
    owner, other = server.register(), server.register()
    tokens = server.connect(owner)
    for thief in (other, server.register(token_endpoint_auth_method="client_secret_basic")):
        refused = thief.refresh(tokens["refresh_token"])
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert server.is_active(tokens["access_token"])
    assert owner.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.requirement("SEC-7")
def test_a_disabled_user_is_refreshed_no_more(server: AuthorizationServer) -> None:
    person, client = server.add_user("leaving", "password"), server.register()
    tokens = client.connect(person)
    server.disable_user("leaving")
    assert not server.is_active(tokens["access_token"])
    refused = client.refresh(tokens["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    person.close()


@pytest.mark.requirement("SEC-7", "SEC-17")
@pytest.mark.parametrize("token", ["x", "dw_rt_", "dw_rt_" + "A" * 64, "ü", "a" * 10_000])
def test_a_token_that_was_never_issued_is_refused(server: AuthorizationServer, token: str) -> None:
    response = server.register().refresh(token)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


def test_a_missing_token_is_named(server: AuthorizationServer) -> None:
    response = server.register().token(grant_type="refresh_token")
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert "refresh_token" in response.json()["error_description"]

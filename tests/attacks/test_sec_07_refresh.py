"""SEC-7: a refresh token in the wrong hands, or used twice, ends; nothing revives it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.auth_service.service import AuthorizationServer, machine, running
from tests.flow import Client

pytestmark = pytest.mark.requirement("SEC-7")

ISSUER = "http://localhost:1"


def test_the_thief_of_a_token_and_its_owner_do_not_both_stay(server: AuthorizationServer) -> None:
    client = server.register()
    stolen = server.connect(client)["refresh_token"]
    thief = client.refresh(stolen).json()
    server.confirm(thief["access_token"])
    server.clock.advance(61)
    assert client.refresh(stolen).json()["error"] == "invalid_grant"
    assert not server.is_active(thief["access_token"])
    assert client.refresh(thief["refresh_token"]).json()["error"] == "invalid_grant"


def test_inside_the_window_both_hold_the_same_and_the_next_use_tells_them_apart(
    server: AuthorizationServer,
) -> None:
    client = server.register()
    stolen = server.connect(client)["refresh_token"]
    owner, thief = client.refresh(stolen).json(), client.refresh(stolen).json()
    assert owner == thief
    owner = client.refresh(owner["refresh_token"]).json()
    server.confirm(owner["access_token"])
    server.clock.advance(61)
    assert client.refresh(thief["refresh_token"]).json()["error"] == "invalid_grant"
    assert not server.is_active(owner["access_token"])


def test_reuse_is_noticed_across_a_restart_and_the_window_outlives_one(new_store: Callable[[], str]) -> None:
    store_url = new_store()
    with running(store_url, issuer=ISSUER) as server:
        client = server.register()
        first = server.connect(client)
        second = client.refresh(first["refresh_token"]).json()
    with running(store_url, issuer=ISSUER) as server:
        again = _at(server, client)
        assert again.refresh(first["refresh_token"]).json() == second
        assert server.is_active(second["access_token"])
        third = again.refresh(second["refresh_token"]).json()
    with running(store_url, issuer=ISSUER) as server:
        again = _at(server, client)
        assert again.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
        assert not server.is_active(third["access_token"])


def _at(server: AuthorizationServer, client: Client) -> Client:
    return Client(server.origin, server.http, client.information)


def test_a_change_of_the_master_key_ends_nothing_until_the_old_one_is_taken_out(
    new_store: Callable[[], str],
) -> None:
    old, new = f"1:{'A' * 43}", f"2:{'B' * 43}"
    store_url = new_store()
    with running(store_url, issuer=ISSUER, master_keys=old) as server:
        client = server.register()
        tokens = server.connect(client)
    with running(store_url, issuer=ISSUER, master_keys=f"{new},{old}") as server:
        assert server.is_active(tokens["access_token"])
        assert _at(server, client).refresh(tokens["refresh_token"]).status_code == 200


def test_another_client_can_do_nothing_with_it(server: AuthorizationServer) -> None:
    owner, thief = server.register(), server.register()
    tokens = server.connect(owner)
    renewed = owner.refresh(tokens["refresh_token"]).json()
    for token in (tokens["refresh_token"], renewed["refresh_token"]):
        assert thief.refresh(token).json()["error"] == "invalid_grant"
        assert thief.revoke(token).status_code == 200
    server.clock.advance(61)
    assert thief.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert server.is_active(renewed["access_token"])


@pytest.mark.parametrize("scope", ["notes:read notes:write", "notes:read offline_access", "x notes:read"])
def test_scope_is_never_widened(server: AuthorizationServer, scope: str) -> None:
    client = server.register()
    tokens = server.connect(client, scope="notes:read")
    renewed = client.refresh(tokens["refresh_token"], scope=scope).json()
    assert renewed["scope"] == "notes:read"
    assert server.introspect(renewed["access_token"])["scope"] == "notes:read"


@pytest.mark.parametrize("scope", ["openid", "notes:write", "notes:*"])
def test_a_scope_of_which_nothing_was_granted_is_refused(server: AuthorizationServer, scope: str) -> None:
    client = server.register()
    tokens = server.connect(client, scope="notes:read")
    refused = client.refresh(tokens["refresh_token"], scope=scope)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")
    renewed = client.refresh(tokens["refresh_token"]).json()
    assert server.introspect(renewed["access_token"])["scope"] == "notes:read"


def test_a_token_with_another_generation_written_into_it_is_not_a_token(server: AuthorizationServer) -> None:
    client = server.register()
    first = server.connect(client)["refresh_token"]
    second = client.refresh(first).json()["refresh_token"]
    spliced = first[:30] + second[30:], second[:30] + first[30:], first[:50] + second[50:]
    for token in spliced:
        if token not in (first, second):
            assert client.refresh(token).json()["error"] == "invalid_grant"
    assert client.refresh(second).status_code == 200


def test_in_a_race_of_the_old_and_the_new_token_nothing_is_issued_twice(server: AuthorizationServer) -> None:
    client = server.register()
    first = server.connect(client)["refresh_token"]
    second = client.refresh(first).json()["refresh_token"]
    forms = [
        {"grant_type": "refresh_token", "refresh_token": token, "client_id": client.client_id}
        for token in (first, second) * 16
    ]

    def refresh(form: dict[str, str]) -> httpx2.Response:
        with machine() as http:
            return http.post(f"{server.origin}/token", data=form)

    with ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(refresh, forms))
    issued = {response.json()["access_token"] for response in responses if response.status_code == 200}
    # The generation that was, and its one successor; unless the old token came after that: then nothing.
    assert len(issued) <= 2
    alive = [token for token in issued if server.is_active(token)]
    assert alive == [] or len(alive) == len(issued)

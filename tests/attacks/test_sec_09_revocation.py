"""SEC-9: only its own client ends a grant, and what was ended stays ended, whatever was in flight."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import httpx2
import pytest

from tests.auth_service.service import RESOURCE_SECRET, AuthorizationServer, machine
from tests.flow import Client

pytestmark = pytest.mark.requirement("SEC-9", "AS-16")

SEEDS = 8


@pytest.mark.parametrize("method", ["none", "client_secret_basic"])
def test_another_client_revokes_nothing_and_learns_nothing(server: AuthorizationServer, method: str) -> None:
    owner, other = server.register(), server.register(token_endpoint_auth_method=method)
    tokens = server.connect(owner)
    for token in (tokens["access_token"], tokens["refresh_token"]):
        good, junk = other.revoke(token), other.revoke("junk")
        assert (good.status_code, good.content) == (junk.status_code, junk.content) == (200, b"")
    assert server.is_active(tokens["access_token"])
    assert owner.refresh(tokens["refresh_token"]).status_code == 200


def test_nobody_and_a_resource_server_revoke_nothing(server: AuthorizationServer) -> None:
    token = server.connect()["access_token"]
    url, form = f"{server.origin}/revoke", {"token": token}
    as_server = server.http.post(url, data=form, auth=httpx2.BasicAuth("resource", RESOURCE_SECRET))
    for response in (server.http.post(url, data=form), as_server):
        assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert server.is_active(token)


def test_a_token_of_a_deleted_client_cannot_be_revived_by_anybody(server: AuthorizationServer) -> None:
    owner, other = server.register(), server.register()
    tokens = server.connect(owner)
    headers = {"Authorization": f"Bearer {owner.information['registration_access_token']}"}
    server.http.delete(owner.information["registration_client_uri"], headers=headers)
    assert other.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert not server.is_active(tokens["access_token"])


def end_by_client(server: AuthorizationServer, client: Client, token: str) -> None:
    with machine() as http:
        form = {"token": token, "client_id": client.client_id}
        assert http.post(f"{server.origin}/revoke", data=form).status_code == 200


def end_by_deletion(server: AuthorizationServer, client: Client, token: str) -> None:
    with machine() as http:
        headers = {"Authorization": f"Bearer {client.information['registration_access_token']}"}
        uri = client.information["registration_client_uri"]
        assert http.delete(uri, headers=headers).status_code == 204


@pytest.mark.parametrize("end", [end_by_client, end_by_deletion])
def test_a_refresh_in_flight_does_not_undo_a_revocation(
    server: AuthorizationServer, end: Callable[[AuthorizationServer, Client, str], None]
) -> None:
    for seed in range(SEEDS):
        chance = random.Random(seed)  # noqa: S311 -- not a secret
        client = server.register()
        tokens = server.connect(client)
        seen, after = [tokens], chance.randrange(1, 12)
        started = threading.Event()
        refreshing = threading.Thread(target=keep_refreshing, args=(server, client, seen, after, started))
        refreshing.start()
        assert started.wait(30)
        end(server, client, tokens["refresh_token"])
        refreshing.join()
        assert len(seen) >= after
        assert [each for each in seen if server.is_active(each["access_token"])] == []
        assert client.refresh(seen[-1]["refresh_token"]).status_code in (400, 401)


def keep_refreshing(
    server: AuthorizationServer,
    client: Client,
    seen: list[dict[str, str]],
    after: int,
    started: threading.Event,
) -> None:
    """Refresh, each time with the newest token, until it is refused."""
    with machine() as http:
        while True:
            form = {
                "grant_type": "refresh_token",
                "refresh_token": seen[-1]["refresh_token"],
                "client_id": client.client_id,
            }
            response = http.post(f"{server.origin}/token", data=form)
            if response.status_code != 200:
                started.set()
                return
            seen.append(response.json())
            if len(seen) > after:
                started.set()


@pytest.mark.requirement("SEC-7")
def test_disabling_a_user_ends_what_is_being_refreshed(server: AuthorizationServer) -> None:
    person, client = server.add_user("refreshing", "password"), server.register()
    seen, started = [client.connect(person)], threading.Event()
    refreshing = threading.Thread(target=keep_refreshing, args=(server, client, seen, 3, started))
    refreshing.start()
    assert started.wait(30)
    server.disable_user("refreshing")
    refreshing.join()
    assert [each for each in seen if server.is_active(each["access_token"])] == []
    person.close()

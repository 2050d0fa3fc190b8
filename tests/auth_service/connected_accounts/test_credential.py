"""The credential of a connected account: sealed, for a live token only, refreshed once (GW-1)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from structlog.testing import capture_logs

from auth_service.storage import keys
from shared.storage.interface import Store
from tests.auth_service.connected_accounts.connecting import Connecting
from tests.auth_service.service import OTHER_RESOURCE_SECRET, RESOURCE
from tests.e2e.dump import dump
from tests.stores import ON_ONE_STORE

pytestmark = pytest.mark.requirement("GW-1")

HOUR_S = 3_600


def expire(connecting: Connecting) -> None:
    """Let the credential expire, and get another access token in place of the expired one."""
    connecting.server.clock.advance(HOUR_S + 1)
    connecting.token = connecting.new_token()


def test_the_resource_server_gets_the_credential(connecting: Connecting) -> None:
    answer = connecting.connected()
    access, _ = connecting.upstream.tokens
    assert answer["authorization"] == f"Bearer {access}"
    assert HOUR_S - 60 < answer["expires_in"] <= HOUR_S
    again = connecting.ask()  # maybe a second later
    assert again == answer | {"expires_in": again["expires_in"]}


def test_a_credential_without_expiry_has_none(connecting: Connecting) -> None:
    connecting.upstream.expires_in, connecting.upstream.offline = None, False
    assert "expires_in" not in connecting.connected()


@ON_ONE_STORE
def test_only_resource_servers_with_an_active_token_of_theirs_get_it(connecting: Connecting) -> None:
    connecting.connected()
    url, form = f"{connecting.server.origin}/connected-account", {"token": connecting.token}
    post = connecting.server.http.post
    assert post(url, data=form).status_code == 401
    other = post(url, data=form, auth=httpx2.BasicAuth("other", OTHER_RESOURCE_SECRET))
    assert (other.status_code, other.json()["error"]) == (400, "invalid_token")
    client = connecting.server.register(token_endpoint_auth_method="client_secret_basic")
    auth = httpx2.BasicAuth(client.client_id, client.information["client_secret"])
    assert post(url, data=form, auth=auth).status_code == 403
    assert connecting.response("no token").json()["error"] == "invalid_token"
    connecting.client.revoke(connecting.token)
    assert connecting.response().json()["error"] == "invalid_token"


@ON_ONE_STORE
def test_a_resource_without_provider_has_no_credential(connecting: Connecting) -> None:
    token = connecting.client.connect(connecting.person, resource="https://other.example/mcp")
    response = connecting.server.http.post(
        f"{connecting.server.origin}/connected-account",
        data={"token": token["access_token"]},
        auth=httpx2.BasicAuth("other", OTHER_RESOURCE_SECRET),
    )
    assert (response.status_code, response.json()["error"]) == (404, "not_configured")


def test_an_expired_credential_is_refreshed_once_for_all(connecting: Connecting) -> None:
    first = connecting.connected()
    expire(connecting)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: connecting.ask(), range(40)))
    assert connecting.upstream.refreshes == 1
    assert len({answer["authorization"] for answer in answers}) == 1
    assert answers[0]["authorization"] == f"Bearer {connecting.upstream.tokens[2]}"
    assert answers[0]["version"] != first["version"]


def test_a_credential_is_refreshed_ahead_of_its_expiry(connecting: Connecting) -> None:
    connecting.connected()
    connecting.server.clock.advance(HOUR_S - 30)
    connecting.token = connecting.new_token()
    assert connecting.ask()["authorization"] == f"Bearer {connecting.upstream.tokens[2]}"


def test_a_provider_that_is_down_ahead_of_the_expiry_does_no_harm(connecting: Connecting) -> None:
    first = connecting.connected()
    connecting.upstream.answers["/token"] = (503, {})
    connecting.server.clock.advance(HOUR_S - 30)
    connecting.token = connecting.new_token()
    assert connecting.ask()["authorization"] == first["authorization"]
    assert connecting.ask()["authorization"] == first["authorization"]
    assert connecting.upstream.refreshes == 1  # the second request did not ask it again


def test_a_provider_that_is_down_loses_nothing(connecting: Connecting) -> None:
    connecting.connected()
    expire(connecting)
    connecting.upstream.answers["/token"] = (503, {})
    for _ in range(2):
        response = connecting.response()
        assert (response.status_code, response.json()["error"]) == (503, "temporarily_unavailable")
        assert response.headers["retry-after"]
    assert connecting.upstream.refreshes == 1
    connecting.server.failures.clear()
    del connecting.upstream.answers["/token"]
    connecting.server.clock.advance(5)
    assert connecting.ask()["status"] == "connected"


def test_invalid_grant_ends_the_connection_with_one_new_link(connecting: Connecting) -> None:
    used = connecting.ask()["connect_url"]
    connecting.connected()
    connecting.upstream.current.clear()
    expire(connecting)
    answers = [connecting.ask() for _ in range(3)]
    assert {answer["status"] for answer in answers} == {"not_connected"}
    assert len({answer["connect_url"] for answer in answers}) == 1
    assert answers[0]["connect_url"] != used
    assert connecting.upstream.refreshes == 1
    assert connecting.connected()["status"] == "connected"


def test_a_rejected_credential_is_refreshed_unless_it_was_replaced_already(connecting: Connecting) -> None:
    first = connecting.connected()["version"]
    # Another one would not help while this one is new.
    assert connecting.ask(rejected=first)["version"] == first
    connecting.server.clock.advance(61)
    second = connecting.ask(rejected=first)["version"]
    assert second != first
    assert connecting.ask(rejected=first)["version"] == second
    assert connecting.upstream.refreshes == 1


def test_a_rejected_credential_that_cannot_be_refreshed_ends(connecting: Connecting) -> None:
    connecting.upstream.offline = False
    version = connecting.connected()["version"]
    connecting.server.clock.advance(61)
    assert connecting.ask(rejected=version)["status"] == "not_connected"
    assert connecting.ask()["status"] == "not_connected"


def test_no_token_is_in_the_store_in_a_log_or_in_the_journal(connecting: Connecting) -> None:
    with capture_logs() as logs:
        connecting.connected()
        expire(connecting)
        connecting.ask()
        connecting.upstream.current.clear()
        expire(connecting)
        connecting.ask()
    kept = repr(dump(connecting.server.store_url)) + repr(logs)
    assert "connected-account" in kept
    assert len(connecting.upstream.tokens) == 4
    assert [token for token in connecting.upstream.tokens if token in kept] == []


def test_sealed_tokens_of_one_person_are_of_no_use_for_another(connecting: Connecting) -> None:
    connecting.connected()
    other = Connecting(connecting.server, connecting.upstream, connecting.server.person)
    other.connected()

    mine, theirs = (keys.connected_account(each.subject, RESOURCE) for each in (connecting, other))

    async def exchange(store: Store) -> None:
        value = await store.get(mine)
        old = await store.get(theirs)
        assert value is not None
        assert old is not None
        assert await store.replace(theirs, old, value, ttl_s=None)

    connecting.server.with_store(exchange)
    assert other.ask()["status"] == "not_connected"


def test_the_connection_ends_with_the_persons_account(connecting: Connecting) -> None:
    connecting.connected()
    subject = connecting.subject
    connecting.server.delete_user(connecting.person.username)
    entries = dump(connecting.server.store_url)
    assert [entry.key for entry in entries if f"connected-account:{subject}" in entry.key] == []
    assert [entry.key for entry in entries if f"connected-accounts:{subject}" in entry.key] == []

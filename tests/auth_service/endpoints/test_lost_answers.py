"""A refresh whose answer was lost: what shows that one arrived, and what becomes of those that did not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from auth_service.grants.confirmations import Confirmations
from auth_service.grants.repository import GrantRepository
from auth_service.protocol.grant import Grant
from shared.storage.interface import StoreUnavailableError
from tests.auth_service.protocol.builders import NOW, active_grant
from tests.auth_service.service import RESOURCE, RESOURCE_SERVER, AuthorizationServer, machine, running
from tests.flow import Client
from tests.servers import wait_until

pytestmark = pytest.mark.requirement("AS-13", "SEC-7")

LATER_S = 3_600


def test_a_client_that_lost_the_answer_is_not_logged_out(server: AuthorizationServer) -> None:
    client = server.register()
    token = server.connect(client)["refresh_token"]
    lost = client.refresh(token, scope="notes:read").json()
    server.clock.advance(LATER_S)
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": client.client_id}

    def refresh(_: int) -> bytes:
        with machine() as http:
            return http.post(f"{server.origin}/token", data=form).content

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(refresh, range(16)))) == 1
    again = client.refresh(token).json()
    assert again["refresh_token"] == lost["refresh_token"]
    assert (again["expires_in"], again["scope"]) == (lost["expires_in"], "notes:read")
    assert not server.is_active(lost["access_token"])
    assert server.is_active(again["access_token"])
    assert client.refresh(again["refresh_token"]).status_code == 200


def introspected(server: AuthorizationServer, client: Client, tokens: dict[str, Any]) -> None:
    assert server.is_active(tokens["access_token"])


def introspected_by_its_client(server: AuthorizationServer, client: Client, tokens: dict[str, Any]) -> None:
    assert client.introspect(tokens["refresh_token"]).json()["active"]


def shown_at_userinfo(server: AuthorizationServer, client: Client, tokens: dict[str, Any]) -> None:
    assert server.get("/userinfo", Authorization=f"Bearer {tokens['access_token']}").status_code == 200


def refused(server: AuthorizationServer, client: Client, tokens: dict[str, Any]) -> None:
    assert client.refresh(tokens["refresh_token"], scope="unknown").json()["error"] == "invalid_scope"


@pytest.mark.parametrize("present", [introspected, introspected_by_its_client, shown_at_userinfo, refused])
def test_whatever_is_presented_of_the_successor_confirms_it(
    server: AuthorizationServer, present: Callable[[AuthorizationServer, Client, dict[str, Any]], None]
) -> None:
    client = server.register(token_endpoint_auth_method="client_secret_post")
    first = server.connect(client, scope="openid notes:read")
    grant_id = server.introspect(first["access_token"])["grant_id"]
    second = client.refresh(first["refresh_token"]).json()
    server.introspect(first["access_token"])  # of the generation before, so no confirmation
    assert server.grant(grant_id).unconfirmed_since > 0
    present(server, client, second)
    wait_until(lambda: server.grant(grant_id).unconfirmed_since == 0)
    server.clock.advance(61)
    assert client.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert not server.is_active(second["access_token"])


@pytest.fixture(scope="module")
def locally_verified(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    [resource] = RESOURCE_SERVER["resources"]
    described = {**cast("dict[str, Any]", resource), "access_token_format": "jwt"}
    with running(new_store(), resource_servers=[{**RESOURCE_SERVER, "resources": [described]}]) as server:
        yield server


def test_where_tokens_are_verified_locally_a_late_replay_ends_the_grant(
    locally_verified: AuthorizationServer,
) -> None:
    server, client = locally_verified, locally_verified.register()
    token = server.connect(client, resource=RESOURCE)["refresh_token"]
    assert client.refresh(token).status_code == 200
    server.clock.advance(61)
    assert client.refresh(token).json()["error"] == "invalid_grant"


class NotingGrants:
    """Counts the changes, which wait until they may go on, or fail."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.changes = 0
        self.go_on = asyncio.Event()
        self._failure = failure

    async def change(self, grant_id: str, rule: Callable[[Grant], object]) -> None:
        self.changes += 1
        await self.go_on.wait()
        if self._failure:
            raise self._failure


def unconfirmed() -> Grant:
    return active_grant(generation=1, unconfirmed_since=NOW)


def test_a_confirmation_is_written_once_and_awaited_at_the_end() -> None:
    async def run() -> None:
        grants = NotingGrants()
        confirmations, grant = Confirmations(cast("GrantRepository", grants)), unconfirmed()
        for _ in range(10):
            confirmations.note(grant, grant.generation)
        confirmations.note(grant, grant.generation - 1)
        confirmations.note(active_grant(), 1)
        asyncio.get_running_loop().call_soon(grants.go_on.set)
        await confirmations.aclose()
        assert grants.changes == 1

    asyncio.run(run())


def test_one_that_cannot_be_written_is_tried_again_by_the_next_request() -> None:
    async def run() -> None:
        grants = NotingGrants(StoreUnavailableError("down"))
        confirmations, grant = Confirmations(cast("GrantRepository", grants)), unconfirmed()
        grants.go_on.set()
        for attempts in (1, 2):
            confirmations.note(grant, grant.generation)
            await confirmations.aclose()
            assert grants.changes == attempts

    asyncio.run(run())


def test_one_that_hangs_is_cancelled_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auth_service.grants.confirmations.CLOSE_TIMEOUT_S", 0.01)

    async def run() -> None:
        confirmations, grant = Confirmations(cast("GrantRepository", NotingGrants())), unconfirmed()
        confirmations.note(grant, grant.generation)
        await confirmations.aclose()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())

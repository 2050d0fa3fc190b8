"""The revocation feed when the store is away, when nobody can be told, and beside the command."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
from starlette.requests import Request
from starlette.types import Message

from auth_service.endpoints.revocations import while_there
from auth_service.events.event_buffer import Batch
from shared.storage import Store, StoreUnavailableError
from tests.auth_service.receiver import Receiver
from tests.auth_service.service import RESOURCE_SECRET, AuthorizationServer, running
from tests.cli.command import doorward
from tests.flow import Client, Person
from tests.machine import require
from tests.servers import redis_running, wait_until

pytestmark = pytest.mark.requirement("AS-16", "RS-7", "SEC-9")


class Mute:
    """A real store over which nobody can be told anything, once it is told so."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.mute = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def publish(self, channel: str, message: bytes) -> None:
        if self.mute:
            raise StoreUnavailableError("mute")
        await self._store.publish(channel, message)


class EndsBetweenReads:
    """A real store that is unavailable after one more read, once a test sets `reads`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reads: int | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        if self.reads == 0:
            raise StoreUnavailableError("gone")
        if self.reads is not None:
            self.reads -= 1
        return await self._store.get_many(keys)


Muted = tuple[AuthorizationServer, Mute]


@pytest.fixture
def muted(store_url: str) -> Iterator[Muted]:
    stores: list[Mute] = []

    def around(store: Store) -> Store:
        stores.append(Mute(store))
        return cast("Store", stores[0])

    with running(store_url, around=around) as server:
        yield server, stores[0]


def revoke(client: Client, tokens: dict[str, Any]) -> httpx2.Response:
    return client.revoke(tokens["refresh_token"])


def use_an_old_refresh_token(client: Client, tokens: dict[str, Any]) -> httpx2.Response:
    return client.refresh(tokens["old"])


def delete_the_client(client: Client, tokens: dict[str, Any]) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {client.information['registration_access_token']}"}
    return client.http.delete(client.information["registration_client_uri"], headers=headers)


@pytest.mark.parametrize("end", [revoke, use_an_old_refresh_token, delete_the_client])
def test_ending_a_grant_fails_if_the_event_cannot_be_announced(
    muted: Muted, end: Callable[[Client, dict[str, Any]], httpx2.Response]
) -> None:
    server, store = muted
    client = server.register()
    first = server.connect(client)
    second = client.refresh(first["refresh_token"]).json()
    tokens = {**client.refresh(second["refresh_token"]).json(), "old": first["refresh_token"]}
    store.mute = True
    refused = end(client, tokens)
    assert (refused.status_code, refused.json()["error"]) == (503, "temporarily_unavailable")
    assert int(refused.headers["Retry-After"]) > 0
    assert server.is_active(tokens["access_token"])
    store.mute = False
    assert end(client, tokens).status_code in (200, 204, 400)
    assert not server.is_active(tokens["access_token"])


def test_the_account_page_says_so_too(muted: Muted) -> None:
    server, store = muted
    tokens = server.connect(server.register())
    grant_id = server.introspect(tokens["access_token"])["grant_id"]
    page = server.person.open_disconnect(server.origin, grant_id)
    store.mute = True
    assert server.person.submit(page, {"grant_id": grant_id, "action": "disconnect"}).status_code == 503
    assert server.is_active(tokens["access_token"])


def test_an_outage_between_two_reads_of_a_revoked_grant_is_a_503(store_url: str) -> None:
    stores: list[EndsBetweenReads] = []

    def around(store: Store) -> Store:
        stores.append(EndsBetweenReads(store))
        return cast("Store", stores[0])

    with running(store_url, around=around) as server:
        client = server.register()
        tokens = server.connect(client)
        client.revoke(tokens["refresh_token"])
        stores[0].reads = 1
        auth = httpx2.BasicAuth("resource", RESOURCE_SECRET)
        refused = server.http.post(
            f"{server.origin}/introspect", data={"token": tokens["access_token"]}, auth=auth
        )
        stores[0].reads = None
        assert (refused.status_code, refused.json()["error"]) == (503, "temporarily_unavailable")
        assert server.failures == ["503 POST /introspect"]


def test_while_redis_is_away_polls_are_refused_and_then_everybody_starts_over(tmp_path: Path) -> None:
    require("redis-server")
    with redis_running(tmp_path / "redis") as redis, running(redis.url) as server:
        receiver = Receiver(server.origin, server.issuer)
        receiver.begin()
        before = receiver.ack
        redis.kill()
        wait_until(lambda: receiver.post({"ack": before}).status_code == 503)
        refused = receiver.post({"ack": before})
        assert refused.json()["error"] == "temporarily_unavailable"
        assert int(refused.headers["Retry-After"]) > 0
        redis.start()
        wait_until(lambda: receiver.post({}).status_code == 200)
        assert receiver.post({"ack": before}).status_code == 409
        receiver.begin()
        client = server.register()
        tokens = server.connect(client)
        grant_id = server.introspect(tokens["access_token"])["grant_id"]
        client.revoke(tokens["refresh_token"])
        assert receiver.reason_for(grant_id) == "the client revoked it"
        receiver.close()


def test_a_frozen_redis_ends_the_wait_of_a_poll(tmp_path: Path) -> None:
    require("redis-server")
    with redis_running(tmp_path / "redis") as redis, running(redis.url) as server:
        receiver = Receiver(server.origin, server.issuer)
        receiver.begin()
        with redis.frozen():
            wait_until(lambda: receiver.post({"ack": receiver.ack}).status_code == 503, timeout_s=30)
        wait_until(lambda: receiver.post({}).status_code == 200)
        receiver.close()


def by_disabling_the_user(url: str, cwd: Path, person: Person, client: Client) -> str:
    done = doorward("users", "disable", person.username, cwd=cwd, DOORWARD_STORE=url)
    assert done.returncode == 0, done.stderr
    return "the user was disabled"


def by_removing_the_client(url: str, cwd: Path, person: Person, client: Client) -> str:
    done = doorward("clients", "remove", client.client_id, "--yes", cwd=cwd, DOORWARD_STORE=url)
    assert done.returncode == 0, done.stderr
    return "the client was deleted"


@pytest.mark.parametrize("end", [by_disabling_the_user, by_removing_the_client])
def test_a_grant_that_a_command_ends_in_its_own_process_is_announced(
    store_url: str, tmp_path: Path, end: Callable[[str, Path, Person, Client], str]
) -> None:
    with running(store_url) as server:
        client, receiver = server.register(), Receiver(server.origin, server.issuer)
        person = server.add_user("ada", "password")
        tokens = client.connect(person)
        grant_id = server.introspect(tokens["access_token"])["grant_id"]
        receiver.begin()
        reason = end(store_url, tmp_path, person, client)
        assert receiver.reason_for(grant_id) == reason
        assert not server.is_active(tokens["access_token"])
        receiver.close()
        person.close()


@pytest.mark.anyio
async def test_nobody_goes_on_waiting_for_a_receiver_that_has_left() -> None:
    ended = asyncio.Event()

    async def waiting() -> Batch:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError("unreachable")

    async def left() -> Message:
        return {"type": "http.disconnect"}

    request = Request({"type": "http", "method": "POST", "headers": []}, left)
    assert await asyncio.wait_for(while_there(request, waiting()), 10) is None
    await asyncio.wait_for(ended.wait(), 10)


@pytest.mark.anyio
async def test_a_receiver_that_stays_gets_what_it_waited_for_or_why_not() -> None:
    async def silence() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def batch() -> Batch:
        return Batch([], more=True)

    async def failure() -> Batch:
        raise StoreUnavailableError("away")

    request = Request({"type": "http", "method": "POST", "headers": []}, silence)
    assert await while_there(request, batch()) == Batch([], more=True)
    with pytest.raises(StoreUnavailableError):
        await while_there(request, failure())

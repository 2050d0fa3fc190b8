"""Replicas that share a store serve each other's sessions (RS-10)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr

from resource_service.settings import ResourceSettings
from resource_service.storage import keys
from resource_service.storage.shared_store import SharedStore
from resource_service.workers import replicas as module
from resource_service.workers.replicas import Announcement, Replicas, replicas_of
from shared.cli.console import CommandError
from shared.cli.listen import own_url
from shared.clock import system_clock
from shared.storage import StoreUnavailableError, open_store
from shared.storage.interface import Store
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, running, token_for
from tests.resource_service.sessions import LEGACY, open_session
from tests.servers import free_port

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-10")]

KEY = bytes(32)
HERE, THERE = "http://127.0.0.1:1", "http://127.0.0.1:2"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
REVISION = {"Mcp-Protocol-Version": "2025-11-25"}


@contextmanager
def two(
    issuer: AuthorizationServer, directory: Path, store_url: str, **settings: str
) -> Iterator[list[Service]]:
    """Two replicas of one service: each knows the URL at which the other one reaches it."""
    public = f"http://127.0.0.1:{free_port()}/mcp"
    with ExitStack() as stack:
        services = []
        for _ in range(2):
            port = str(free_port())
            own = {"resource": public, "replica_url": f"http://127.0.0.1:{port}", "resource_store": store_url}
            services.append(stack.enter_context(running(issuer, directory, port=port, **own, **settings)))
        yield services


def client_of(service: Service) -> httpx2.Client:
    host = service.resource.removesuffix("/mcp").removeprefix("http://")
    return httpx2.Client(base_url=service.origin, headers={"Host": host}, timeout=30, trust_env=False)


@contextmanager
def visited(
    issuer: AuthorizationServer, directory: Path, store_url: str
) -> Iterator[tuple[Service, httpx2.Client, httpx2.Client]]:
    """One of two replicas, with a client of it and one of the other."""
    with (
        two(issuer, directory, store_url) as (own, other),
        client_of(own) as http,
        client_of(other) as elsewhere,
    ):
        yield own, http, elsewhere


def in_session(token: str, session: str) -> dict[str, str]:
    return bearer(token) | LEGACY | REVISION | {"Mcp-Session-Id": session}


def test_a_session_is_served_through_any_replica_until_its_own_ends(
    issuer: AuthorizationServer, tmp_path: Path, store_url: str
) -> None:
    with visited(issuer, tmp_path, store_url) as (own, http, elsewhere):
        token = token_for(own, issuer)
        headers = in_session(token, open_session(http, token))
        for client in (http, elsewhere, http, elsewhere):
            assert client.post("/mcp", headers=headers, json=PING).status_code == 200
        with elsewhere.stream("GET", "/mcp", headers=headers | {"Accept": "text/event-stream"}) as stream:
            assert stream.status_code == 200
        stolen = in_session(token_for(own, issuer, sub="user-2"), headers["Mcp-Session-Id"])
        assert elsewhere.post("/mcp", headers=stolen, json=PING).status_code == 404
        assert elsewhere.post("/mcp", headers=in_session("x", "y"), json=PING).status_code == 401
        assert elsewhere.delete("/mcp", headers=headers).status_code in (200, 204)
        assert http.post("/mcp", headers=headers, json=PING).status_code == 404
        headers = in_session(token, open_session(http, token))
        own.stop()
        assert elsewhere.post("/mcp", headers=headers, json=PING).status_code == 404
        open_session(elsewhere, token)


def test_a_session_of_a_replica_that_has_crashed_is_unknown(
    issuer: AuthorizationServer, tmp_path: Path, store_url: str
) -> None:
    with visited(issuer, tmp_path, store_url) as (own, http, elsewhere):
        token = token_for(own, issuer)
        headers = in_session(token, open_session(http, token))
        own.process.kill()
        own.process.wait()
        assert elsewhere.post("/mcp", headers=headers, json=PING).status_code == 404


@asynccontextmanager
async def announced(store_url: str, worker: str, url: str, key: bytes = KEY) -> AsyncIterator[Replicas]:
    replicas = Replicas(SharedStore(store_url), "resource", key, url=url)
    await replicas.start(worker)
    try:
        yield replicas
    finally:
        await replicas.stop()


async def test_a_replica_is_found_until_it_has_withdrawn(store_url: str) -> None:
    async with announced(store_url, "a", HERE) as here:
        assert await here.client_of("b") is None
        assert await here.client_of("a") is None  # this replica itself
        async with announced(store_url, "b", THERE):
            client = await here.client_of("b")
            assert client is not None
            assert not await here.has_withdrawn("b")
            assert await here.client_of("b") is client
        assert await here.has_withdrawn("b")
        assert await here.client_of("b") is None


@pytest.mark.parametrize(
    "document",
    [
        b"[]",
        b"no JSON",
        b'{"url": "http://thief.example"}',
        b'{"tag": "", "until": 9999999999, "url": "x"}',
        '{"tag": "ä", "until": 9999999999, "url": "x"}'.encode(),
        b'{"tag": "\\ud800", "until": 9999999999, "url": "x"}',
    ],
)
async def test_an_announcement_without_the_key_is_ignored(store_url: str, document: bytes) -> None:
    async with announced(store_url, "a", HERE) as here, announced(store_url, "b", THERE, key=b"x" * 32):
        assert await here.client_of("b") is None
        store = open_store(store_url)
        await store.create(keys.replica("resource", "c"), document, ttl_s=60)
        assert await here.client_of("c") is None
        until = int(system_clock()) + 60
        copied = Announcement("b", THERE, until).sealed(KEY)
        await store.create(keys.replica("resource", "d"), copied, ttl_s=60)
        assert await here.client_of("d") is None  # of another process
        kept = Announcement("e", THERE, until - 61).sealed(KEY)
        await store.create(keys.replica("resource", "e"), kept, ttl_s=60)
        assert await here.client_of("e") is None  # put back after its time
        prolonged = kept.replace(str(until - 61).encode(), str(until).encode())
        await store.replace(keys.replica("resource", "e"), kept, prolonged, ttl_s=60)
        assert await here.client_of("e") is None
        await store.aclose()


async def test_while_the_store_does_not_answer_it_is_not_known_whether_a_session_exists() -> None:
    replicas = Replicas(SharedStore(f"redis://127.0.0.1:{free_port()}/0"), "resource", KEY, url=HERE)
    await replicas.start("a")
    with pytest.raises(StoreUnavailableError):
        await replicas.client_of("b")
    await replicas.stop()


async def test_an_announcement_that_is_lost_is_repeated_at_once(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RENEWED_EVERY_S", 0.01)
    store, key = open_store(store_url), keys.replica("resource", "a")
    async with announced(store_url, "a", HERE), announced(store_url, "b", THERE) as there:
        for _ in range(3):
            await store.delete(key)
            assert await until_there(store, key)
        assert await there.client_of("a") is not None
    await store.aclose()


async def test_a_replica_is_announced_soon_after_an_outage_of_the_store(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_self: SharedStore) -> None:
        raise StoreUnavailableError("away")

    monkeypatch.setattr(module, "RETRIED_EVERY_S", 0.01)
    store = open_store(store_url)
    with monkeypatch.context() as outage:
        outage.setattr(SharedStore, "current", away)
        replicas = Replicas(SharedStore(store_url), "resource", KEY, url=HERE)
        await replicas.start("a")
    assert await until_there(store, keys.replica("resource", "a"))
    await replicas.stop()
    await store.aclose()


async def until_there(store: Store, key: str) -> bool:
    """Wait a little until a key exists."""
    for _ in range(300):
        if await store.get(key) is not None:
            return True
        await asyncio.sleep(0.01)
    return False


@pytest.mark.parametrize(
    ("host", "addresses", "url"),
    [
        ("0.0.0.0", ["127.0.1.1", "10.1.2.3", "10.9.9.9"], "10.1.2.3"),
        ("0.0.0.0", ["fd00::5", "10.1.2.3"], "10.1.2.3"),
        ("::", ["::1", "10.1.2.3", "fd00::5"], "[fd00::5]"),
        ("10.9.9.9", ["10.1.2.3"], "10.9.9.9"),
        ("fd00::7", ["10.1.2.3"], "[fd00::7]"),
        ("one.example", ["10.1.2.3"], "one.example"),
    ],
)
def test_a_container_knows_its_own_url(
    host: str, addresses: list[str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name(monkeypatch, *addresses)
    assert own_url(host, 9001, tls=False) == f"http://{url}:9001"
    assert own_url(host, 9001, tls=True) == f"https://{url}:9001"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_an_address_that_other_machines_do_not_reach_is_not_announced(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name(monkeypatch, "10.1.2.3")
    with pytest.raises(CommandError, match=r"DOORWARD_REPLICA_URL=auto: other machines do not reach --host"):
        own_url(host, 9001, tls=False)
    for addresses in (["127.0.1.1"], ["fd00::5"]):
        name(monkeypatch, *addresses)
        with pytest.raises(CommandError, match=r"DOORWARD_REPLICA_URL=auto: .* set the URL instead"):
            own_url("0.0.0.0", 9001, tls=False)


def name(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Give the name of this machine these addresses."""
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", (each, 1)) for each in addresses]
    )


def test_a_url_that_nobody_has_chosen_is_not_announced(store_url: str) -> None:
    settings = ResourceSettings(
        resource="https://mcp.example/mcp",
        issuer="https://auth.example",
        resource_secret=SecretStr("x" * 32),
        resource_store=store_url,
        replica_url="auto",
    )
    with pytest.raises(ValueError, match="DOORWARD_REPLICA_URL=auto needs `doorward resource`"):
        replicas_of(settings)

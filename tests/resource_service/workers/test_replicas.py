"""Replicas that share a store serve each other's sessions (RS-10)."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from resource_service.storage import keys
from resource_service.storage.shared_store import SharedStore
from resource_service.workers import replicas as module
from resource_service.workers.replicas import Announcement, Replicas
from shared.cli.console import CommandError
from shared.cli.listen import own_url
from shared.storage import StoreUnavailableError, open_store
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


def in_session(token: str, session: str) -> dict[str, str]:
    return bearer(token) | LEGACY | REVISION | {"Mcp-Session-Id": session}


def test_a_session_is_served_through_any_replica_until_its_own_ends(
    issuer: AuthorizationServer, tmp_path: Path, store_url: str
) -> None:
    with (
        two(issuer, tmp_path, store_url) as (own, other),
        client_of(own) as http,
        client_of(other) as elsewhere,
    ):
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
    with (
        two(issuer, tmp_path, store_url) as (own, other),
        client_of(own) as http,
        client_of(other) as elsewhere,
    ):
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


async def test_a_replica_is_found_as_long_as_it_runs(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEWED_EVERY_S", 0.01)
    async with announced(store_url, "a", HERE) as here:
        assert await here.client_of("b") is None
        assert await here.client_of("a") is None  # this replica itself
        async with announced(store_url, "b", THERE):
            client = await here.client_of("b")
            assert client is not None
            assert await here.client_of("b") is client
        with suppress(StoreUnavailableError):
            while await here.client_of("b") is not None:
                pass


@pytest.mark.parametrize(
    "document", [b"[]", b"no JSON", b'{"url": "http://thief.example"}', b'{"tag": "", "url": "x"}']
)
async def test_an_announcement_without_the_key_is_ignored(store_url: str, document: bytes) -> None:
    async with announced(store_url, "a", HERE) as here, announced(store_url, "b", THERE, key=b"x" * 32):
        assert await here.client_of("b") is None
        store = open_store(store_url)
        await store.create(keys.replica("resource", "c"), document, ttl_s=60)
        assert await here.client_of("c") is None
        copied = Announcement("b", THERE).sealed(KEY)
        await store.create(keys.replica("resource", "d"), copied, ttl_s=60)
        assert await here.client_of("d") is None  # of another process
        await store.aclose()


async def test_while_the_store_does_not_answer_it_is_not_known_whether_a_session_exists() -> None:
    replicas = Replicas(SharedStore(f"redis://127.0.0.1:{free_port()}/0"), "resource", KEY, url=HERE)
    await replicas.start("a")
    with pytest.raises(StoreUnavailableError):
        await replicas.client_of("b")
    await replicas.stop()


def test_a_container_knows_its_own_url(monkeypatch: pytest.MonkeyPatch) -> None:
    def named(*addresses: str) -> None:
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", (each, 1)) for each in addresses]
        )

    named("127.0.1.1", "10.1.2.3", "10.9.9.9")
    assert own_url(9001) == "http://10.1.2.3:9001"
    named("::1", "fd00::5")
    assert own_url(9001) == "http://[fd00::5]:9001"
    named("127.0.1.1")
    with pytest.raises(CommandError, match=r"DOORWARD_REPLICA_URL=auto: .* set the URL instead"):
        own_url(9001)

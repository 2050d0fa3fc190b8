"""A session is unknown only if its replica has ended; nothing else makes a client repeat a call (RS-10)."""

from __future__ import annotations

import asyncio
import socket

import pytest

from resource_service.storage import keys
from resource_service.storage.shared_store import SharedStore
from resource_service.workers import proof
from resource_service.workers import replicas as module
from resource_service.workers.replicas import Announcement, Replicas
from shared.clock import system_clock
from shared.http1 import Client, Request, Response
from shared.storage import StoreUnavailableError, open_store
from tests.resource_service.workers.numbered_sessions import assert_complete
from tests.resource_service.workers.raw_replicas import CALL, KEY, NAME, RawReplica, another
from tests.servers import free_port

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-10")]

LISTEN = Request(b"GET", b"/", [(b"host", b"x")], None)
STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"


async def break_off(_head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def stream(_head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(STREAM)
    await writer.drain()


async def started(client: Client | None) -> Response:
    """Start a stream."""
    assert client is not None
    response = await client.send(LISTEN)
    assert await response.read() == b"hello"
    return response


async def is_open(response: Response) -> bool:
    try:
        async with asyncio.timeout(0.3):
            await response.read()
    except TimeoutError:
        return True
    return False


async def test_a_call_that_may_have_run_is_not_answered_as_of_an_unknown_session(store_url: str) -> None:
    owner = RawReplica(break_off)
    async with owner.announced(store_url), another(store_url) as (_, http):
        for runs in (1, 2):
            answer = await http.post("/mcp", headers=CALL, content=b"call")
            assert len(owner.heads) == runs
            assert (answer.status_code, answer.json()["reason_code"]) == (502, "session_broke_off")
            assert "retry-after" not in answer.headers
            assert_complete(answer)


async def test_a_session_whose_replica_refuses_connections_is_unknown(store_url: str) -> None:
    owner = RawReplica(break_off)
    async with owner.announced(store_url), another(store_url) as (_, http):
        owner.server.close()
        await owner.server.wait_closed()
        assert (await http.post("/mcp", headers=CALL, content=b"call")).status_code == 404


async def test_a_session_whose_replica_has_vanished_is_unknown_once_its_announcement_is(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONNECT_S", 0.2)
    store = open_store(store_url)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        document = Announcement(NAME, url, int(system_clock()) + 60).sealed(KEY)
        await store.create(keys.replica("resource", NAME), document, ttl_s=60)
        async with another(store_url) as (_, http):
            answer = await http.post("/mcp", headers=CALL, content=b"call")
            assert (answer.status_code, answer.json()["reason_code"]) == (503, "session_unreachable")
            assert answer.headers["retry-after"] == "1"
            await store.delete(keys.replica("resource", NAME))
            assert (await http.post("/mcp", headers=CALL, content=b"call")).status_code == 404
    await store.aclose()


async def test_streams_outlive_an_announcement_that_the_store_has_lost(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = RawReplica(stream)
    store = open_store(store_url)
    async with owner.announced(store_url), another(store_url) as (here, _):
        response = await started(await here.client_of(NAME))
        await store.delete(keys.replica("resource", NAME))
        monkeypatch.setattr(module, "RENEWED_EVERY_S", 0)  # whatever was remembered is old
        again = await started(await here.client_of(NAME))
        assert await is_open(response)
        again.close()
        response.close()
    await store.aclose()


async def test_a_replica_that_is_known_is_reached_without_the_store(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_self: SharedStore) -> None:
        raise StoreUnavailableError("away")

    owner = RawReplica(stream)
    async with owner.announced(store_url), another(store_url) as (here, _):
        response = await started(await here.client_of(NAME))
        with monkeypatch.context() as outage:
            outage.setattr(module, "RENEWED_EVERY_S", 0)
            outage.setattr(SharedStore, "current", away)
            again = await started(await here.client_of(NAME))
            assert not await here.has_withdrawn(NAME)
            assert await is_open(response)
        again.close()
        response.close()


async def test_streams_outlive_the_end_of_new_connections(store_url: str) -> None:
    owner = RawReplica(stream)
    async with owner.announced(store_url), another(store_url) as (here, http):
        response = await started(await here.client_of(NAME))
        owner.server.close()
        assert (await http.post("/mcp", headers=CALL, content=b"call")).status_code == 404
        assert await is_open(response)
        response.close()


async def test_only_a_replica_gets_requests(store_url: str) -> None:
    def relayed(_replicas: Replicas, nonce: str) -> str | None:
        """The proof of a true replica elsewhere, which anybody can ask for."""
        elsewhere = Replicas(SharedStore(store_url), "resource", KEY, url="http://127.0.0.1:2")
        return elsewhere.proof(nonce)

    def foreign(_replicas: Replicas, nonce: str) -> str | None:
        port = stranger.server.sockets[0].getsockname()[1]
        return proof.proof(b"x" * 32, f"http://127.0.0.1:{port}", nonce)

    for prove in (relayed, foreign, lambda *_: "", lambda *_: "x" * 100_000, lambda *_: None):
        stranger = RawReplica(break_off, prove)
        async with stranger.announced(store_url), another(store_url) as (_, http):
            for _ in range(2):
                answer = await http.post("/mcp", headers=CALL, content=b"call")
                assert (answer.status_code, answer.json()["reason_code"]) == (503, "session_unreachable")
            assert stranger.heads == []


async def test_each_connection_is_proved(store_url: str) -> None:
    nonces = []

    def prove(replicas: Replicas, nonce: str) -> str | None:
        nonces.append(nonce)
        return replicas.proof(nonce) if len(nonces) == 1 else None

    owner = RawReplica(break_off, prove)
    async with owner.announced(store_url), another(store_url) as (_, http):
        assert (await http.post("/mcp", headers=CALL, content=b"call")).status_code == 502
        assert (await http.post("/mcp", headers=CALL, content=b"call")).status_code == 503
    assert len(owner.heads) == 1
    assert len(set(nonces)) == 2


async def test_a_replica_proves_itself_to_anybody_who_asks_properly(store_url: str) -> None:
    async with another(store_url) as (here, http):
        nonce = "0" * 32
        answer = await http.get(f"{proof.PATH}?{nonce}")
        assert (answer.status_code, answer.text) == (200, here.proof(nonce))
        for malformed in ("", "0" * 31, "0" * 33, "g" * 32, "0" * 32 + "%0A", "n=" + nonce):
            answer = await http.get(f"{proof.PATH}?{malformed}")
            assert answer.status_code == 404
            assert_complete(answer)


async def test_no_address_of_the_inside_is_in_a_response(store_url: str) -> None:
    port = free_port()
    async with another(f"redis://:password@127.0.0.1:{port}/0") as (_, http):
        answer = await http.post("/mcp", headers=CALL, content=b"call")
        assert (answer.status_code, answer.json()["reason_code"]) == (503, "store_unavailable")
        assert str(port) not in answer.text
        assert "127.0.0.1" not in answer.text
    stranger = RawReplica(break_off, lambda *_: None)
    async with stranger.announced(store_url), another(store_url) as (_, http):
        answer = await http.post("/mcp", headers=CALL, content=b"call")
        assert answer.status_code == 503
        assert "127.0.0.1" not in answer.text

"""The client with real sockets: connections are reused, limited, and given up when the server fails."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from pathlib import Path

import pytest

from shared.http1 import (
    BrokenOffError,
    BusyError,
    Client,
    ConnectError,
    Connection,
    Limits,
    Request,
    Server,
    SilentError,
)
from shared.http1.connection import MAX_BUFFERED_BYTES
from tests.certificates import Authority
from tests.shared.http1.listening import GET, OK, Listening, Peer, every_time, talking, whole

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_one_connection_serves_one_request_after_the_other() -> None:
    async with talking(every_time) as (server, client):
        for _ in range(5):
            assert await whole(client) == (200, b"ok")
        assert server.connections == 1


async def test_an_idle_connection_is_not_used_for_longer_than_it_is_kept() -> None:
    async with talking(every_time, kept_alive_s=0.1) as (server, client):
        await whole(client)
        await asyncio.sleep(0.3)
        await whole(client)
        assert server.connections == 2


async def test_idle_connections_are_closed_without_another_request() -> None:
    closed = asyncio.Event()

    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.closed()
        closed.set()

    async with talking(once, kept_alive_s=0.1) as (_, client):
        await whole(client)
        await asyncio.wait_for(closed.wait(), 5)


@pytest.mark.parametrize("after", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale"])
async def test_a_connection_that_ended_or_says_more_than_it_was_asked_is_not_used_again(after: bytes) -> None:
    over = asyncio.Event()

    async def ending(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        if peer.number == 1:
            await asyncio.sleep(0.05)  # so that it is idle
            if after:
                await peer.send(after)
            else:
                peer.writer.close()
            over.set()
        await peer.closed()

    async with talking(ending) as (server, client):
        await whole(client)
        await over.wait()
        await asyncio.sleep(0.05)
        assert await whole(client) == (200, b"ok")
        assert server.connections == 2


@pytest.mark.parametrize("more", [b"", b"stale"])
async def test_a_connection_that_ends_unseen_by_the_event_loop_is_not_used_again(more: bytes) -> None:
    begin = threading.Event()

    def end(connected: socket.socket) -> None:
        begin.wait()
        with connected:
            connected.send(more)
            connected.shutdown(socket.SHUT_RDWR)

    async def ending(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        if peer.number == 1:
            await asyncio.to_thread(end, socket.socket(fileno=os.dup(peer.fileno)))
        await peer.closed()

    async with talking(ending) as (server, client):
        await whole(client)
        loop = asyncio.get_running_loop()
        loop.call_soon(begin.set)
        loop.call_soon(time.sleep, 0.2)  # the end comes in this turn of the event loop, which has not seen it
        assert await asyncio.ensure_future(whole(client)) == (200, b"ok")
        assert server.connections == 2


async def test_a_response_that_was_not_read_to_its_end_costs_the_connection() -> None:
    async def endless(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK.replace(b"2", b"9"))
        await peer.closed()

    async with talking(endless) as (server, client):
        for expected in (1, 2):
            response = await client.send(GET)
            assert await response.read() == b"ok"
            response.close()
            assert server.connections == expected


async def test_closing_a_response_twice_frees_one_place() -> None:
    async with talking(every_time, connections=1, connect_s=0.2) as (_, client):
        response = await client.send(GET)
        while await response.read():
            pass
        response.close()
        response.close()
        held = await client.send(GET)
        with pytest.raises(BusyError, match="all 1 connections are in use"):
            await client.send(GET)
        held.close()


async def test_waiting_callers_get_a_connection_in_turn() -> None:
    order: list[int] = []

    async def one(client: Client, number: int) -> None:
        assert await whole(client) == (200, b"ok")
        order.append(number)

    async with talking(every_time, connections=1) as (server, client):
        await asyncio.gather(*(one(client, number) for number in range(20)))
        assert order == list(range(20))
        assert server.connections == 1


async def test_a_cancelled_exchange_frees_its_place() -> None:
    async def silent_first(peer: Peer) -> None:
        await peer.request()
        if peer.number > 1:
            await peer.send(OK)
        await peer.closed()

    async with talking(silent_first, connections=1) as (_, client):
        asking = asyncio.create_task(client.send(GET))
        waiting = asyncio.create_task(client.send(GET))
        await asyncio.sleep(0.1)
        waiting.cancel()
        asking.cancel()
        await asyncio.gather(asking, waiting, return_exceptions=True)
        assert await whole(client) == (200, b"ok")


@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"])
async def test_a_silent_server_is_given_up(beginning: bytes) -> None:
    async def silent(peer: Peer) -> None:
        await peer.request()
        await peer.send(beginning)
        await peer.closed()

    async with talking(silent, silence_s=0.1) as (_, client):
        with pytest.raises(SilentError, match=r"the server sends nothing for 0\.1 s"):
            await whole(client)


async def test_a_slow_server_is_not_given_up() -> None:
    async def slow(peer: Peer) -> None:
        await peer.request()
        for byte in OK:
            await peer.send(bytes([byte]))
            await asyncio.sleep(0.01)

    async with talking(slow, silence_s=0.3) as (_, client):
        assert await whole(client) == (200, b"ok")


@pytest.mark.parametrize(
    "beginning", [b"", b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", b"garbage\r\n"]
)
async def test_a_connection_that_breaks_is_a_failure_and_the_request_is_not_repeated(
    beginning: bytes,
) -> None:
    async def breaking(peer: Peer) -> None:
        await peer.request()
        await peer.send(beginning)

    async with talking(breaking) as (server, client):
        with pytest.raises(BrokenOffError):
            await whole(client)
        assert server.connections == 1


async def test_what_has_arrived_before_the_connection_breaks_is_read() -> None:
    async def breaking(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")

    async with talking(breaking) as (_, client):
        response = await client.send(GET)
        await asyncio.sleep(0.1)
        assert await response.read() == b"he"
        with pytest.raises(BrokenOffError):
            await response.read()
        response.close()


async def test_nobody_listens() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        limits = Limits(connect_s=5, silence_s=5, connections=1, kept_alive_s=1)
        for host in ("127.0.0.1", "does-not-exist.invalid", "a" * 70, ""):
            async with Client(Server(host, bound.getsockname()[1]), limits) as client:
                for _ in range(2):  # a place is not lost either
                    with pytest.raises(ConnectError):
                        await client.send(GET)


async def test_a_server_that_does_not_accept_is_given_up() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        with socket.socket() as first, socket.socket() as second:
            for other in (first, second):
                other.setblocking(False)
                other.connect_ex(address)
            limits = Limits(connect_s=0.3, silence_s=0.3, connections=1, kept_alive_s=1)
            async with Client(Server(*address), limits) as client:
                with pytest.raises((ConnectError, SilentError)):
                    await client.send(GET)


async def test_the_reader_sets_the_pace_of_a_large_response() -> None:
    sent = 0

    async def large(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 64000000\r\n\r\n")
        peer.writer.transport.set_write_buffer_limits(high=0)
        for _ in range(1_000):
            await peer.send(b"x" * 64_000)
            sent += 64_000

    async with talking(large) as (_, client):
        response = await client.send(GET)
        await asyncio.sleep(0.3)
        held = sent
        await asyncio.sleep(0.2)
        assert sent == held < 32_000_000, "the server was slowed down"
        first = await response.read()
        assert len(first) < MAX_BUFFERED_BYTES + 300_000
        size = len(first)
        while chunk := await response.read():
            size += len(chunk)
        assert size == 64_000_000
        response.close()


async def test_an_answer_before_the_end_of_the_request_is_read_and_the_connection_given_up() -> None:
    async def refusing(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK.replace(b"200 OK", b"413 Content Too Large"))
        await asyncio.sleep(60)

    large = Request(b"POST", b"/", [(b"host", b"x")], b"x" * 32_000_000)
    async with talking(refusing) as (server, client):
        assert await whole(client, large) == (413, b"ok")
        assert await whole(client, large) == (413, b"ok")
        assert server.connections == 2


async def test_a_server_that_does_not_receive_the_request_is_given_up() -> None:
    async def deaf(_: Peer) -> None:
        await asyncio.sleep(60)

    large = Request(b"POST", b"/", [(b"host", b"x")], b"x" * 32_000_000)
    async with talking(deaf, connect_s=0.2) as (_, client):
        with pytest.raises(SilentError, match=r"the server does not receive the request for 0\.2 s"):
            await client.send(large)


async def test_leaving_the_client_closes_its_connections() -> None:
    closed = asyncio.Event()

    async def waiting(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.closed()
        closed.set()

    async with Listening(waiting) as server:
        async with server.client() as client:
            await whole(client)
        await asyncio.wait_for(closed.wait(), 5)


async def test_certificates_are_checked(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with Listening(every_time, authority) as server:
        async with server.client() as client:
            assert await whole(client) == (200, b"ok")
        limits = Limits(connect_s=5, silence_s=5, connections=1, kept_alive_s=1)
        async with Client(Server("localhost", server.port, authority.trusting()), limits) as client:
            with pytest.raises(ConnectError, match=r"(?i)certificate"):
                await client.send(GET)


async def test_a_client_that_is_retired_lets_exchanges_end_and_keeps_no_connection() -> None:
    release, closed = asyncio.Event(), asyncio.Event()

    async def slow(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK[:-1])
        await release.wait()
        await peer.send(OK[-1:])
        await peer.closed()
        closed.set()

    async with talking(slow) as (_, client), asyncio.timeout(5):
        response = await client.send(GET)
        client.retire()
        release.set()
        assert b"".join([chunk async for chunk in response]) == b"ok"
        response.close()
        await closed.wait()


async def test_a_connection_that_does_not_pass_the_check_carries_no_request() -> None:
    received = []

    async def listening(peer: Peer) -> None:
        received.append(await peer.reader.read(65_536))

    async def refuse(_connection: Connection) -> None:
        raise BrokenOffError("not the one")

    async with Listening(listening) as server:
        limits = Limits(connect_s=5, silence_s=5, connections=1)
        async with Client(Server("127.0.0.1", server.port), limits, check=refuse) as client:
            for _ in range(2):  # the room for a connection is given back
                with pytest.raises(ConnectError, match="not the one"):
                    await client.send(GET)
    assert set(received) <= {b""}


async def test_each_new_connection_is_checked_once() -> None:
    checked = []

    async def check(connection: Connection) -> None:
        checked.append(connection)

    async with Listening(every_time) as server:
        limits = Limits(connect_s=5, silence_s=5, connections=2)
        async with Client(Server("127.0.0.1", server.port), limits, check=check) as client:
            for _ in range(3):
                assert await whole(client) == (200, b"ok")
    assert len(checked) == 1

"""Responses that end with their connection: only the server's close makes them whole (RFC 9112 §8)."""

from __future__ import annotations

import asyncio
import socket
import struct
from pathlib import Path

import pytest

from shared.http1 import BrokenOffError, Request
from tests.certificates import Authority
from tests.shared.http1.listening import GET, Listening, Peer, talking, whole

pytestmark = pytest.mark.anyio

UNTIL_CLOSED = b"HTTP/1.1 200 OK\r\n\r\nhe"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_response_that_ends_with_the_connection_is_whole_only_if_the_server_closes_it() -> None:
    async def resetting(peer: Peer) -> None:
        await peer.request()
        await peer.send(UNTIL_CLOSED)
        await asyncio.sleep(0.05)
        connected: socket.socket = peer.writer.get_extra_info("socket")
        if peer.number == 1:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST, not FIN

    async with talking(resetting) as (_, client):
        with pytest.raises(BrokenOffError, match="ConnectionResetError"):
            await whole(client)
        assert await whole(client) == (200, b"he")


async def test_a_response_that_ends_with_the_connection_is_not_whole_after_the_client_closes_it() -> None:
    async def waiting(peer: Peer) -> None:
        await peer.request()
        await peer.send(UNTIL_CLOSED)
        await peer.closed()

    async with Listening(waiting) as server:
        async with server.client() as client:
            response = await client.send(GET)
            assert await response.read() == b"he"
        with pytest.raises(BrokenOffError):
            await response.read()
        response.close()


async def test_an_early_answer_ends_with_the_connection_though_the_request_is_not_received() -> None:
    async def refusing(peer: Peer) -> None:
        await peer.request()
        await peer.send(UNTIL_CLOSED.replace(b"200 OK", b"413 Content Too Large"))
        peer.writer.write_eof()
        await asyncio.sleep(60)

    large = Request(b"POST", b"/", [(b"host", b"x")], b"x" * 32_000_000)
    async with talking(refusing, silence_s=2) as (_, client):
        assert await whole(client, large) == (413, b"he")


@pytest.mark.parametrize("is_announced", [True, False])
async def test_in_tls_the_server_must_announce_the_end(tmp_path: Path, *, is_announced: bool) -> None:
    async def ending(peer: Peer) -> None:
        await peer.request()
        await peer.send(UNTIL_CLOSED)
        if not is_announced:
            connected: socket.socket = peer.writer.get_extra_info("socket")
            connected.shutdown(socket.SHUT_WR)  # as anybody on the way can

    async with Listening(ending, Authority(tmp_path)) as server, server.client() as client:
        if is_announced:
            assert await whole(client) == (200, b"he")
        else:
            with pytest.raises(BrokenOffError, match="before the end of the response"):
                await whole(client)

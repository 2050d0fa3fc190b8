"""One connection for many tasks: each gets the answer to its own command, or learns that none will come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from operator import attrgetter

import pytest
from redis import exceptions as errors

from shared.storage.redis_connection import MAX_UNSENT_BYTES, MAX_WAITING, RedisConnection

pytestmark = pytest.mark.anyio

ANSWER_TIMEOUT_S = 0.3


class ScriptedServer:
    """A server that records what arrives, and answers when the test says so."""

    def __init__(self) -> None:
        self.arrived: list[bytes] = []
        self.writer: asyncio.StreamWriter | None = None
        self._news = asyncio.Event()
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        with suppress(ConnectionError):
            while data := await reader.read(1 << 20):
                self.arrived.append(data)
                self._news.set()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self.ended.set()

    def answer(self, text: bytes) -> None:
        assert self.writer
        self.writer.write(text)

    async def received(self) -> bytes:
        await asyncio.wait_for(self._news.wait(), 5)
        self._news.clear()
        return self.arrived[-1]


@pytest.fixture
async def server(anyio_backend: str) -> ScriptedServer:
    return ScriptedServer()


@pytest.fixture
async def connection(server: ScriptedServer) -> AsyncIterator[RedisConnection]:
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: RedisConnection(ANSWER_TIMEOUT_S), "127.0.0.1", port)
    yield connection
    connection.close()
    await asyncio.wait_for(server.ended.wait(), 5)
    listener.close()


async def test_commands_of_one_turn_leave_in_one_write(
    connection: RedisConnection, server: ScriptedServer
) -> None:
    answers = [connection.send(("GET", f"key-{number}")) for number in range(3)]
    assert (await server.received()).count(b"GET") == 3
    server.answer(b"$1\r\na\r\n$-1\r\n$1\r\nc\r\n")
    assert await asyncio.gather(*answers) == [b"a", None, b"c"]


async def test_commands_of_two_turns_leave_in_one_write_while_answers_are_awaited(
    connection: RedisConnection, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = connection.send(("GET", "first"))
    await server.received()
    writes: list[None] = []
    write = attrgetter("_write")(connection)
    monkeypatch.setattr(connection, "_write", lambda: writes.append(write()))
    second = connection.send(("GET", "second"))
    await asyncio.sleep(0)
    third = connection.send(("GET", "third"))
    assert (await server.received()).count(b"GET") == 2
    assert len(writes) == 1
    server.answer(b"$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n")
    assert [await first, await second, await third] == [b"1", b"2", b"3"]


async def test_a_command_is_sent_while_an_earlier_one_waits(
    connection: RedisConnection, server: ScriptedServer
) -> None:
    first = connection.send(("GET", "first"))
    await server.received()
    second = connection.send(("GET", "second"))
    await server.received()
    server.answer(b"$1\r\n1\r\n$1\r\n2\r\n")
    assert [await first, await second] == [b"1", b"2"]


async def test_the_answer_to_a_caller_that_left_goes_to_nobody_else(
    connection: RedisConnection, server: ScriptedServer
) -> None:
    left, stayed = connection.send(("GET", "left")), connection.send(("GET", "stayed"))
    await server.received()
    left.cancel()
    server.answer(b"$4\r\nleft\r\n$6\r\nstayed\r\n")
    assert await stayed == b"stayed"


async def test_an_error_reaches_its_own_caller(connection: RedisConnection, server: ScriptedServer) -> None:
    refused, accepted = connection.send(("SET", "a", "1")), connection.send(("SET", "b", "2"))
    await server.received()
    server.answer(b"-OOM command not allowed\r\n+OK\r\n")
    with pytest.raises(errors.OutOfMemoryError):
        await refused
    assert await accepted == b"OK"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"-READONLY You can't write\r\n", errors.ReadOnlyError),
        (b"-ERR Error running script: @user_script: 3: -READONLY You can't write\r\n", errors.ReadOnlyError),
        (b"-NOSCRIPT No matching script\r\n", errors.NoScriptError),
        (b"-WRONGPASS invalid pair\r\n", errors.AuthenticationError),
        (b"-NOAUTH Authentication required\r\n", errors.AuthenticationError),
        (b"-ERR unknown command\r\n", errors.ResponseError),
    ],
)
async def test_errors_are_distinguished(
    connection: RedisConnection, server: ScriptedServer, answer: bytes, kind: type[Exception]
) -> None:
    refused = connection.send(("SET", "a", "1"))
    await server.received()
    server.answer(answer)
    with pytest.raises(kind) as raised:
        await refused
    assert type(raised.value) is kind


async def _unanswered(connection: RedisConnection, server: ScriptedServer) -> None:
    await asyncio.sleep(0)


async def _closed_by_redis(connection: RedisConnection, server: ScriptedServer) -> None:
    assert server.writer
    server.writer.close()


async def _closed_here(connection: RedisConnection, server: ScriptedServer) -> None:
    connection.close()


async def _talking_nonsense(connection: RedisConnection, server: ScriptedServer) -> None:
    server.answer(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize("end", [_unanswered, _closed_by_redis, _closed_here, _talking_nonsense])
async def test_every_waiting_caller_learns_by_an_error_of_its_own_that_the_outcome_is_unknown(
    connection: RedisConnection,
    server: ScriptedServer,
    end: Callable[[RedisConnection, ScriptedServer], Awaitable[None]],
) -> None:
    answers = [connection.send(("DEL", f"key-{number}")) for number in range(3)]
    await server.received()
    await end(connection, server)
    outcomes = await asyncio.wait_for(asyncio.gather(*answers, return_exceptions=True), 5)
    assert all(isinstance(outcome, errors.ConnectionError | errors.TimeoutError) for outcome in outcomes)
    assert len({id(outcome) for outcome in outcomes}) == 3
    assert not connection.is_usable()
    with pytest.raises(errors.ConnectionError):
        connection.send(("GET", "key"))


async def test_answers_in_time_keep_the_connection_however_long_it_is_busy(
    connection: RedisConnection, server: ScriptedServer
) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + 3 * ANSWER_TIMEOUT_S
    while loop.time() < end:
        answer = connection.send(("GET", "key"))
        await server.received()
        server.answer(b"$1\r\nv\r\n")
        assert await answer == b"v"
    await asyncio.sleep(2 * ANSWER_TIMEOUT_S)  # the time limit passes, and nothing is owed
    assert connection.is_usable()


async def test_an_answer_that_nobody_waits_for_breaks_the_connection(
    connection: RedisConnection, server: ScriptedServer
) -> None:
    answer = connection.send(("GET", "key"))
    await server.received()
    server.answer(b"$1\r\nv\r\n$1\r\nw\r\n")
    assert await answer == b"v"
    assert not connection.is_usable()


async def test_an_idle_connection_that_redis_closed_is_not_used_before_the_loop_has_been_told(
    connection: RedisConnection, server: ScriptedServer
) -> None:
    answer = connection.send(("GET", "key"))
    await server.received()
    server.answer(b"$1\r\nv\r\n")
    await answer
    assert server.writer
    server.writer.transport.get_extra_info("socket").shutdown(1)
    assert not connection.is_usable()


async def test_commands_beyond_the_bound_are_refused_and_never_sent(
    connection: RedisConnection, server: ScriptedServer
) -> None:
    answers = [connection.send(("GET", "key")) for _ in range(MAX_WAITING)]
    with pytest.raises(errors.ConnectionError, match="too many"):
        connection.send(("GET", "one-more"))
    connection.close()
    await asyncio.gather(*answers, return_exceptions=True)
    assert not any(b"one-more" in data for data in server.arrived)


async def test_bytes_beyond_the_bound_are_refused(connection: RedisConnection) -> None:
    large = connection.send(("SET", "key", b"x" * (2 * MAX_UNSENT_BYTES)))
    await asyncio.sleep(0)
    with pytest.raises(errors.ConnectionError, match="too many"):
        connection.send(("GET", "key"))
    connection.close()
    with pytest.raises(errors.ConnectionError, match="closed"):
        await large

"""Keeps one pipelined connection to a Redis server, and opens another when it breaks."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from redis import exceptions as errors

from shared.cancellation import cancel_and_wait
from shared.storage.redis_connection import Argument, Failure, RedisConnection, unchanged

Place = tuple[str, int]
"""Host and port."""


@dataclass(frozen=True, kw_only=True)
class PipelineSettings:
    """How to connect.

    Attributes:
        find: returns the place of the server, which may change between two connections (Sentinel).
        greeting: commands sent first on each connection; all have to succeed.
        name: the name of the connection in CLIENT LIST; a server that refuses CLIENT does without.
        call_timeout_s: seconds for a command that has to wait for `find`, a connection and the greeting.
        answer_timeout_s: seconds for the answer to any command.
    """

    find: Callable[[], Awaitable[Place]]
    greeting: Sequence[tuple[str, ...]]
    name: str
    tls: ssl.SSLContext | None
    call_timeout_s: float
    answer_timeout_s: float


class RedisPipeline:
    """Sends commands of any number of tasks over one connection. No command is ever sent twice.

    Args:
        failure: as in `RedisConnection`.
    """

    def __init__(self, settings: PipelineSettings, failure: Failure = unchanged) -> None:
        self._settings = settings
        self._failure = failure
        self._connection: RedisConnection | None = None
        self._connecting: asyncio.Task[RedisConnection] | None = None
        self._place: Place | None = None

    def execute(self, arguments: tuple[Argument, ...]) -> Awaitable[object]:
        """Send a command and return its answer: a future, if it is sent in this iteration of the loop.

        An error is always raised by the answer, whether or not anything was sent.
        """
        connection = self._connection
        if connection is None or not connection.is_usable():
            return self._execute_when_connected(arguments)
        try:
            return connection.send(arguments)
        except Exception as error:  # noqa: BLE001 -- the caller gets it
            return _failed(error)

    async def _execute_when_connected(self, arguments: tuple[Argument, ...]) -> object:
        try:
            async with asyncio.timeout(self._settings.call_timeout_s):
                connection = await self._reconnect()
                return await connection.send(arguments)
        except (errors.RedisError, OSError) as error:
            raise self._failure(error) from error

    async def execute_in_order(self, commands: Sequence[tuple[Argument, ...]]) -> list[object]:
        """Send commands over one connection, so that they are executed in their order; return the answers.

        Raises:
            RedisError, OSError: the error of the first command that failed, or what `failure` makes of it.
        """
        connection = self._connection
        if connection is None or not connection.is_usable():
            try:
                async with asyncio.timeout(self._settings.call_timeout_s):
                    connection = await self._reconnect()
            except (errors.RedisError, OSError) as error:
                raise self._failure(error) from error
        sent = _sent(connection, commands)
        try:
            await sent[-1]  # answered last
        except asyncio.CancelledError:
            _cancel(sent)
            raise
        except Exception:  # noqa: BLE001, S110 -- raised below, unless an earlier one failed
            pass
        return _answers(sent)

    async def execute_all(self, commands: Sequence[tuple[Argument, ...]]) -> list[object]:
        """Send commands over one connection, without others in between; return the answer or error of each.

        Raises:
            RedisError, OSError: no connection could be opened in time; nothing was sent.
        """
        connection = self._connection
        if not (connection and connection.is_usable()):
            async with asyncio.timeout(self._settings.call_timeout_s):
                connection = await self._reconnect()
        sent = [connection.send(command) for command in commands]
        answers = await asyncio.gather(*sent, return_exceptions=True)
        if any(isinstance(answer, errors.ReadOnlyError) for answer in answers):
            connection.close()
        return list(answers)

    def is_elsewhere(self, places: Collection[Place]) -> bool:
        """Whether it is connected to a server at none of these places."""
        return self._place is not None and self._place not in places

    def disconnect(self) -> None:
        """Close the connection; the next command opens another one, where `find` says then."""
        if self._connection:
            self._connection.close()
        self._place = None

    async def aclose(self) -> None:
        """Close the connection, also one that is being opened."""
        if self._connecting:
            await cancel_and_wait(self._connecting)
        if self._connection:
            self._connection.close()

    async def _reconnect(self) -> RedisConnection:
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(self._connected)
        return await asyncio.shield(self._connecting)

    def _connected(self, task: asyncio.Task[RedisConnection]) -> None:
        self._connecting = None
        if task.cancelled() or task.exception():
            return
        if self._connection:
            self._connection.close()
        self._connection = task.result()

    async def _connect(self) -> RedisConnection:
        settings = self._settings
        async with asyncio.timeout(settings.call_timeout_s):
            host, port = await settings.find()
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: RedisConnection(settings.answer_timeout_s, self._failure),
                host,
                port,
                ssl=settings.tls,
            )
            try:
                await self._greet(connection)
            except BaseException:
                connection.close()
                raise
        self._place = host, port
        return connection

    async def _greet(self, connection: RedisConnection) -> None:
        required = [connection.send(command) for command in self._settings.greeting]
        named = connection.send(("CLIENT", "SETNAME", self._settings.name))
        await asyncio.wait([*required, named])
        for answer in (*required, named):
            # Retrieved: after a wrong password, every later command fails, too. A user without the right to
            # name connections can do everything else.
            answer.exception()
        for answer in required:
            answer.result()
        if not connection.is_usable():
            raise errors.ConnectionError("Redis closed the connection")


def _sent(
    connection: RedisConnection, commands: Sequence[tuple[Argument, ...]]
) -> list[asyncio.Future[object]]:
    sent = list[asyncio.Future[object]]()
    try:
        for command in commands:
            sent.append(connection.send(command))
    except Exception:
        _cancel(sent)
        raise
    return sent


def _cancel(sent: Sequence[asyncio.Future[object]]) -> None:
    for answer in sent:
        answer.cancel()  # also if it has failed: asyncio would complain that nobody retrieved the error


def _answers(sent: Sequence[asyncio.Future[object]]) -> list[object]:
    failures = [failure for failure in [answer.exception() for answer in sent] if failure]
    if failures:
        raise failures[0]
    return [answer.result() for answer in sent]


def _failed(error: Exception) -> asyncio.Future[object]:
    answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    answer.set_exception(error)
    return answer

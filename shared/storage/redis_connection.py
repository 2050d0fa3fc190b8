"""One connection to Redis on which commands are sent without waiting for the answers of earlier ones.

Redis answers the commands of a connection in their order, so answers find their callers by position. All
commands of one iteration of the event loop leave in one write; while answers are awaited, of two iterations.
"""

from __future__ import annotations

import asyncio
import select
from collections import deque
from collections.abc import Callable
from typing import cast

import hiredis
from redis import exceptions as errors

Argument = str | bytes

MAX_WAITING = 4096
"""The maximum number of commands that wait for an answer on one connection."""
MAX_UNSENT_BYTES = 16 * 1024 * 1024
"""The maximum number of bytes that wait to be written."""

_HANGUP = getattr(select, "POLLRDHUP", 0)  # Linux; POLLHUP and POLLERR are always reported
_ERRORS: dict[str, type[errors.RedisError]] = {
    "NOAUTH": errors.AuthenticationError,
    "WRONGPASS": errors.AuthenticationError,
    "NOSCRIPT": errors.NoScriptError,
    "OOM": errors.OutOfMemoryError,
    "READONLY": errors.ReadOnlyError,
}


Failure = Callable[[Exception], Exception]
"""Turns an error into the one that callers get."""


def unchanged(error: Exception) -> Exception:
    """Return the error as it is."""
    return error


class RedisConnection(asyncio.Protocol):
    """A connection, from its start until it breaks; it is never reconnected.

    Args:
        answer_timeout_s: seconds after which an unanswered command breaks the connection, and with it every
            command after it: a late answer would be confused with that of another command.
        failure: turns an error into the one that callers get.
    """

    def __init__(self, answer_timeout_s: float, failure: Failure = unchanged) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout_s = answer_timeout_s
        self._failure = failure
        self._answers = hiredis.Reader(protocolError=errors.ConnectionError, replyError=_reply_error)
        self._waiting: deque[tuple[asyncio.Future[object], float]] = deque()
        self._unsent: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._watchdog: asyncio.TimerHandle | None = None
        self._hangup = select.poll()
        self._is_open = False

    def is_usable(self) -> bool:
        """Whether the connection is open, as far as this host knows.

        An idle connection may have ended before the loop was notified, so the socket is checked.
        """
        return self._is_open and (bool(self._waiting) or not self._hangup.poll(0))

    def send(self, arguments: tuple[Argument, ...]) -> asyncio.Future[object]:
        """Send a command at the end of this iteration of the loop, or of the next.

        Returns:
            a future of the answer. Cancelling it does not stop the command. It raises `ResponseError` for an
            error that Redis answered, `ConnectionError` or `TimeoutError` if the outcome is unknown, or in
            their place what `failure` makes of them.

        Raises:
            ConnectionError: the connection is broken, or too much is waiting; nothing was sent. Or what
                `failure` makes of it.
        """
        if not self._is_open:
            raise self._failure(errors.ConnectionError("the connection is closed"))
        # Once for each write, because the buffer does not grow before that.
        is_full = not self._unsent and self._unsent_bytes() > MAX_UNSENT_BYTES
        if is_full or len(self._waiting) >= MAX_WAITING:
            raise self._failure(errors.ConnectionError("too many commands are waiting for a response"))
        command = hiredis.pack_command(arguments)  # type: ignore[arg-type]
        answer: asyncio.Future[object] = self._loop.create_future()
        now = self._loop.time()
        self._waiting.append((answer, now))
        if not self._unsent:
            self._write_soon()
        self._unsent.append(command)
        if self._watchdog is None:
            self._watchdog = self._loop.call_at(now + self._timeout_s, self._check_time)
        return answer

    def close(self) -> None:
        """Close the connection. Commands without an answer fail."""
        self._break(errors.ConnectionError("the connection was closed"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)
        self._hangup.register(transport.get_extra_info("socket").fileno(), _HANGUP)
        self._is_open = True

    def data_received(self, data: bytes) -> None:
        """Give the answers in `data` to their callers."""
        self._answers.feed(data)
        try:
            while (answer := self._answers.gets()) is not False:
                self._deliver(answer)
        except errors.ConnectionError as error:
            self._break(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every waiting caller that the outcome of the command is unknown."""
        self._break(errors.ConnectionError(f"the connection was lost: {exc or 'Redis closed it'}"))

    def _deliver(self, answer: object) -> None:
        if not self._waiting:
            raise errors.ConnectionError("Redis answered a command that was not sent")
        future, _ = self._waiting.popleft()
        if isinstance(answer, errors.ReadOnlyError):
            # The server has become a replica. The next connection may lead to the new primary.
            self._loop.call_soon(self.close)
        if future.done():
            return
        if isinstance(answer, Exception):
            future.set_exception(self._failure(answer))
        else:
            future.set_result(answer)

    def _write_soon(self) -> None:
        # A write costs more than all else that is done for a command. While Redis is busy with earlier ones,
        # the commands of requests that are read in the meantime can join.
        if len(self._waiting) > 1:
            self._loop.call_soon(self._loop.call_soon, self._write)
        else:
            self._loop.call_soon(self._write)

    def _write(self) -> None:
        unsent, self._unsent = self._unsent, []
        if self._is_open and self._transport:
            self._transport.write(b"".join(unsent))

    def _unsent_bytes(self) -> int:
        return self._transport.get_write_buffer_size() if self._transport else 0

    def _check_time(self) -> None:
        self._watchdog = None
        if not self._waiting:
            return
        due = self._waiting[0][1] + self._timeout_s
        if due <= self._loop.time():
            self._break(errors.TimeoutError(f"no answer within {self._timeout_s} s"))
        else:
            self._watchdog = self._loop.call_at(due, self._check_time)

    def _break(self, error: Exception) -> None:
        self._is_open = False
        if self._transport:
            self._transport.abort()
        if self._watchdog:
            self._watchdog.cancel()
            self._watchdog = None
        while self._waiting:
            future, _ = self._waiting.popleft()
            if not future.done():
                # A separate error for each: one exception raised in two tasks mixes up their tracebacks.
                future.set_exception(self._failure(type(error)(*error.args)))


def _reply_error(message: str) -> errors.RedisError:
    # Redis 6.2 wraps the error of a command in that of the script that called it.
    code = "READONLY" if "-READONLY " in message else message.partition(" ")[0]
    return _ERRORS.get(code, errors.ResponseError)(message)

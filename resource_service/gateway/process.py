"""An MCP server as a child process: line-based communication, supervision and orderly termination."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from typing import Self

import anyio

from resource_service.gateway.stderr import log_stderr
from resource_service.isolation import prepare
from shared.logs import get_logger

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
EXCERPT_BYTES = 1_024
CHUNK_BYTES = 65_536
POLL_S = 0.25
"""How soon the exit of a process is noticed if another process holds its output open."""

_log = get_logger(__name__)


class ProcessEndedError(Exception):
    """The process no longer accepts messages."""


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line over the message limit: its beginning and end; the rest was discarded."""

    excerpt: bytes


class ServerProcess:
    """A running server, the leader of its own process group; create it with `start`.

    Args:
        grace_s: how long to wait after closing its input, and again after SIGTERM.
        max_message_bytes: the maximum length of an output line.
        secret: in its environment; it is not logged.
    """

    def __init__(
        self,
        process: Process,
        *,
        grace_s: float,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        secret: str | None = None,
    ) -> None:
        self.secret = secret
        self._process = process
        self._grace_s = grace_s
        self._max_message_bytes = max_message_bytes
        self._writing = asyncio.Lock()
        self._end: asyncio.Task[None] | None = None
        self._stderr = asyncio.create_task(
            log_stderr(_pipe(process.stderr), self.pid, secret), context=Context()
        )

    @classmethod
    async def start(
        cls,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        grace_s: float = 2.0,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        isolated: bool = False,
        secret: str | None = None,
    ) -> Self:
        """Start the process with exactly `environment`.

        Args:
            isolated: see `prepare`.
            secret: a value of `environment` that is not logged.

        Raises:
            OSError, SubprocessError: the command does not exist, or the system allows no more processes.
        """
        process = await asyncio.create_subprocess_exec(
            *arguments,
            env=environment,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
            preexec_fn=partial(prepare, os.getpid(), isolated=isolated),
            limit=CHUNK_BYTES,
        )
        _log.info("MCP server started", pid=process.pid, command=arguments[0])
        return cls(process, grace_s=grace_s, max_message_bytes=max_message_bytes, secret=secret)

    @property
    def pid(self) -> int:
        """The process id, which is also the group id."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._process.returncode

    async def write(self, line: bytes) -> None:
        """Send a message, given without a line break; waits while the process is not reading.

        Raises:
            ProcessEndedError: the process has exited or is being ended.
        """
        stdin = self._process.stdin
        if stdin is None or stdin.is_closing():
            raise ProcessEndedError
        async with self._writing:
            try:
                stdin.write(line + b"\n")
                await stdin.drain()
            except (ConnectionError, RuntimeError) as error:
                raise ProcessEndedError from error

    async def lines(self) -> AsyncIterator[bytes | TooLong]:
        """Yield each output line until the process exits or closes its output."""
        line = _Line(self._max_message_bytes)
        while chunk := await self._chunk():
            *ends, rest = chunk.split(b"\n")
            for end in ends:
                line.add(end)
                yield line.take()
            line.add(rest)
        yield line.take()

    async def exited(self, *, within_s: float) -> bool:
        """Return whether the process exits within that time."""
        return await _comes_true(lambda: self.exit_status is not None, within_s)

    async def terminate(self) -> None:
        """Close its input, then send SIGTERM, then SIGKILL to the whole group; return after it exits."""
        if self._end is None:
            self._end = asyncio.create_task(self._end_group())
        await asyncio.shield(self._end)

    async def _chunk(self) -> bytes:
        stdout = _pipe(self._process.stdout)
        while True:
            exited = self.exit_status is not None
            try:
                async with asyncio.timeout(POLL_S):
                    return await stdout.read(CHUNK_BYTES)
            except TimeoutError:
                if exited:
                    return b""

    async def _end_group(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        for strength in (None, signal.SIGTERM, signal.SIGKILL):
            self._signal(strength)
            if await self._gone():
                break
        else:
            _log.error("an MCP server process cannot be terminated", pid=self.pid)
        self._stderr.cancel()
        _close_pipes(self._process)
        _log.info("MCP server ended", pid=self.pid, exit_status=self.exit_status)

    def _signal(self, strength: signal.Signals | None) -> None:
        if strength is not None:
            # PermissionError: the process now runs under another user.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, strength)

    async def _gone(self) -> bool:
        """Return whether the whole group exits within the grace period."""
        return await _comes_true(
            lambda: self.exit_status is not None and not _group_exists(self.pid), self._grace_s
        )


class _Line:
    """A line being received; only an excerpt of a line that is too long is buffered."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held = bytearray()
        self._too_long = False

    def add(self, part: bytes) -> None:
        self._held += part
        if self._too_long or len(self._held) > self._max_bytes:
            self._too_long = True
            del self._held[EXCERPT_BYTES:-EXCERPT_BYTES]

    def take(self) -> bytes | TooLong:
        held, too_long = bytes(self._held), self._too_long
        self._held, self._too_long = bytearray(), False
        return TooLong(held) if too_long else held


async def _comes_true(condition: Callable[[], bool], within_s: float) -> bool:
    """Poll `condition` for up to `within_s`.

    Waiting for the process would include waiting for its pipes, which another process may hold open.
    """
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        await anyio.sleep(0.02)
    return True


def _group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _pipe(reader: asyncio.StreamReader | None) -> asyncio.StreamReader:
    if reader is None:
        raise RuntimeError("the process was started without pipes")
    return reader


def _close_pipes(process: Process) -> None:
    """Close pipes that a descendant outside the group may hold open indefinitely.

    asyncio has no public way to do this.
    """
    transport = vars(process).get("_transport")
    if transport is not None:
        transport.close()

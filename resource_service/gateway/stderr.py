"""Log an MCP server's standard error: line by line, with a rate limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from shared.logs import get_logger

LINES_PER_SECOND = 20.0
BURST = 100
MAX_LINE_CHARACTERS = 1_000

_log = get_logger(__name__)


class Throttle:
    """A token bucket of size `burst` that refills at `per_second`."""

    def __init__(self, per_second: float, burst: int, monotonic: Callable[[], float]) -> None:
        self._per_second = per_second
        self._burst = burst
        self._monotonic = monotonic
        self._tokens = float(burst)
        self._filled_at = monotonic()

    def allows(self) -> bool:
        """Take a token; return False if none is left."""
        now = self._monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


async def log_stderr(stderr: asyncio.StreamReader, pid: int, secret: str | None = None) -> None:
    """Log `stderr` until its end. It is always read, so that the server never blocks on writing.

    Args:
        secret: see `printable`.
    """
    throttle = Throttle(LINES_PER_SECOND, BURST, time.monotonic)
    left_out = 0
    async for line in _lines(stderr):
        if not line.strip():
            continue
        if not throttle.allows():
            left_out += 1
            continue
        if left_out:
            _log.warning("MCP server writes too much to stderr", pid=pid, lines_left_out=left_out)
            left_out = 0
        _log.info("MCP server stderr", pid=pid, line=printable(line, secret))
    if left_out:
        _log.warning("MCP server writes too much to stderr", pid=pid, lines_left_out=left_out)


def printable(line: bytes, secret: str | None = None) -> str:
    """Escape a line for the log: it can neither move a terminal's cursor nor imitate another line.

    Args:
        secret: what the process knows and the log must not have.
    """
    if secret:
        line = line.replace(secret.encode(), b"[secret]")
    text = line[: 4 * MAX_LINE_CHARACTERS].decode("utf-8", "replace")[:MAX_LINE_CHARACTERS]
    return "".join(character if character.isprintable() else "�" for character in text.rstrip())


async def _lines(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    rest = b""
    while chunk := await reader.read(4_096):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line
        if len(rest) > 4 * MAX_LINE_CHARACTERS:
            yield rest
            rest = b""
    if rest:
        yield rest

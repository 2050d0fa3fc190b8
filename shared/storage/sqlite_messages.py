"""Messages between the processes that have one SQLite file open.

They pass through a table, which gives all processes the same order and numbers without gaps: a subscriber
that finds the next number missing has missed a message. SQLite does not notify a process of the writes of
others, so subscribers poll; nobody polls while nobody waits.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from shared.storage.interface import StoreUnavailableError
from shared.storage.sqlite_reserve import is_full

KEPT = 1_024
"""Messages kept in the file; a subscriber that falls further behind gets an error."""
LOOK_EVERY_S = 0.05
READ_AT_ONCE = 256

_PUBLISH = "INSERT INTO message (channel, content) VALUES (:channel, :content)"
_FORGET = "DELETE FROM message WHERE id <= :id - :kept"
_FORGET_HALF = "DELETE FROM message WHERE id <= (SELECT (min(id) + max(id)) / 2 FROM message)"
_LAST = "SELECT seq FROM sqlite_sequence WHERE name = 'message'"
_NEXT = "SELECT id, channel, content FROM message WHERE id > :last ORDER BY id LIMIT :at_once"

Message = tuple[int, str, bytes]


def publish(db: sqlite3.Connection, channel: str, content: bytes) -> None:
    """Write a message and drop the oldest; if the file is full, drop half of them to make room.

    A subscriber that learns that it missed messages checks everything again; one that never receives a
    revocation would not.
    """
    message = {"channel": channel, "content": content}
    try:
        number = db.execute(_PUBLISH, message).lastrowid
    except sqlite3.OperationalError as error:
        if not is_full(error) or not db.in_transaction:
            raise
        db.execute(_FORGET_HALF)
        number = db.execute(_PUBLISH, message).lastrowid
    db.execute(_FORGET, {"id": number, "kept": KEPT})


def last_number(db: sqlite3.Connection) -> int:
    """Return the number of the newest message ever written."""
    row = db.execute(_LAST).fetchone()
    return row[0] if row else 0


def messages_after(db: sqlite3.Connection, number: int) -> list[Message]:
    """Return the next messages, on any channel."""
    return db.execute(_NEXT, {"last": number, "at_once": READ_AT_ONCE}).fetchall()


class Subscription(AsyncIterator[bytes]):
    """The messages on `channel` after the message number `last`, in order.

    Args:
        read: returns the messages after a number.
    """

    def __init__(self, channel: str, last: int, read: Callable[[int], Awaitable[list[Message]]]) -> None:
        self._channel = channel
        self._last = last
        self._read = read
        self._waiting: deque[bytes] = deque()
        self._woken = asyncio.Event()
        self._lost = False

    def wake(self) -> None:
        """Look for messages immediately."""
        self._woken.set()

    async def __anext__(self) -> bytes:
        while not self._waiting:
            self._woken.clear()
            if not await self._look():
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await self._woken.wait()
        return self._waiting.popleft()

    async def _look(self) -> bool:
        """Fetch new messages on any channel; return whether there were any."""
        if self._lost:
            raise StoreUnavailableError("messages were missed")
        try:
            messages = await self._read(self._last)
        except StoreUnavailableError:
            self._lost = True
            raise
        for number, channel, content in messages:
            if number != self._last + 1:
                self._lost = True
                break
            self._last = number
            if channel == self._channel:
                self._waiting.append(content)
        return bool(messages)

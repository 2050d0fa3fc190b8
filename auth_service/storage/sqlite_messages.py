"""Messages between the processes that have one SQLite file open.

They pass through a table, which gives them one order for everybody and numbers without a gap: a subscriber
that finds the next number gone knows that it has missed something. SQLite tells no process of what another
has written, so a subscriber looks again and again; nobody looks while nobody waits.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from auth_service.storage.interface import StoreUnavailableError

KEPT = 1_024
"""Messages in the file; a subscriber that falls behind by more is told that it has missed some."""
LOOK_EVERY_S = 0.05
READ_AT_ONCE = 256

_PUBLISH = "INSERT INTO message (channel, content) VALUES (:channel, :content)"
_FORGET = "DELETE FROM message WHERE id <= :id - :kept"
_FORGET_HALF = "DELETE FROM message WHERE id <= (SELECT (min(id) + max(id)) / 2 FROM message)"
_LAST = "SELECT seq FROM sqlite_sequence WHERE name = 'message'"
_NEXT = "SELECT id, channel, content FROM message WHERE id > :last ORDER BY id LIMIT :at_once"

Message = tuple[int, str, bytes]


def publish(db: sqlite3.Connection, channel: str, content: bytes) -> None:
    """Write a message, and drop the oldest; where the file is full, half of them, to make room.

    Who is then told that messages were missed asks again about everything; who never hears of a revocation
    would not.
    """
    message = {"channel": channel, "content": content}
    try:
        number = db.execute(_PUBLISH, message).lastrowid
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL or not db.in_transaction:
            raise
        db.execute(_FORGET_HALF)
        number = db.execute(_PUBLISH, message).lastrowid
    db.execute(_FORGET, {"id": number, "kept": KEPT})


def last_number(db: sqlite3.Connection) -> int:
    """The number of the newest message there was."""
    row = db.execute(_LAST).fetchone()
    return row[0] if row else 0


def messages_after(db: sqlite3.Connection, number: int) -> list[Message]:
    """The next messages, on whatever channel."""
    return db.execute(_NEXT, {"last": number, "at_once": READ_AT_ONCE}).fetchall()


class Subscription(AsyncIterator[bytes]):
    """The messages on `channel` after the one with the number `last`, in order.

    Args:
        read: gives the messages after a number.
    """

    def __init__(self, channel: str, last: int, read: Callable[[int], Awaitable[list[Message]]]) -> None:
        self._channel = channel
        self._last = last
        self._read = read
        self._waiting: deque[bytes] = deque()
        self._woken = asyncio.Event()
        self._lost = False

    def wake(self) -> None:
        """There is a message: look at once."""
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
        """Take what has come, on whatever channel; whether there was anything."""
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

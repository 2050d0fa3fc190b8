"""The single thread that writes to the SQLite file."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from shared.storage.interface import StoreFullError, StoreUnavailableError
from shared.storage.sqlite_reserve import fill, free_one, is_full

R = TypeVar("R")

MAX_BATCH = 256


class _Waiting(NamedTuple):
    job: Callable[[sqlite3.Connection], Any]
    answer: asyncio.Future[Any]
    may_use_reserve: bool


class Writer:
    """Runs jobs on its own thread, so that the event loop never waits for the disk or for another process.

    Jobs that wait together share one transaction and one fsync; none is answered before the commit.

    Args:
        connection: used only by the thread from now on, and closed by it.
        chore: run at the start of every transaction.
    """

    def __init__(self, connection: sqlite3.Connection, chore: Callable[[sqlite3.Connection], None]) -> None:
        self._connection = connection
        self._chore = chore
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._closed = False
        self._reserve_is_used = False
        self._thread = threading.Thread(target=self._work, name="sqlite-writer", daemon=True)
        self._thread.start()

    async def run(self, job: Callable[[sqlite3.Connection], R], *, may_use_reserve: bool = False) -> R:
        """Run `job` inside a transaction and return its result after the commit.

        Args:
            may_use_reserve: whether it may use kept pages (`sqlite_reserve`) if the file is full.

        Raises:
            StoreUnavailableError: SQLite could not run or commit it, or has no room for the write.
            Exception: any exception of the job itself; the jobs that ran beside it are committed.
        """
        if self._closed:
            raise StoreUnavailableError("the store is closed")
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.put(_Waiting(job, answer, may_use_reserve))
        return await answer

    async def aclose(self) -> None:
        """Finish the waiting jobs and end the thread."""
        if not self._closed:
            self._closed = True
            self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        closing = False
        while not closing:
            taken = self._take()
            closing = None in taken
            batch = [waiting for waiting in taken if waiting is not None]
            for waiting, outcome in zip(batch, self._outcomes(batch), strict=True):
                _deliver(waiting.answer, outcome)
            self._keep_pages_again()
        self._connection.close()

    def _take(self) -> list[_Waiting | None]:
        """Wait for a job, then return all waiting jobs."""
        taken = [self._waiting.get()]
        while len(taken) < MAX_BATCH and not self._waiting.empty():
            taken.append(self._waiting.get())
        return taken

    def _outcomes(self, batch: list[_Waiting]) -> list[Any]:
        """Return the result or exception of each job, after the commit."""
        try:
            return self._committed(batch)
        except Exception as error:  # noqa: BLE001 -- no exception of a job may end the thread
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            if len(batch) > 1 and _is_of_one_job(error):
                # A failed job must not abort the jobs beside it, nor leave half of its own work behind.
                return [outcome for waiting in batch for outcome in self._outcomes([waiting])]
            if is_full(error) and batch[0].may_use_reserve and self._has_freed_a_page():
                return self._outcomes(batch)
            return [_failure(error) for _ in batch]

    def _has_freed_a_page(self) -> bool:
        # In a transaction of its own: SQLite may have ended the other one.
        with suppress(sqlite3.Error):
            self._reserve_is_used = True
            return free_one(self._connection)
        return False

    def _keep_pages_again(self) -> None:
        if self._reserve_is_used:
            with suppress(sqlite3.Error):  # the next write finds out what is wrong
                self._reserve_is_used = not fill(self._connection)

    def _committed(self, batch: list[_Waiting]) -> list[Any]:
        self._connection.execute("BEGIN IMMEDIATE")
        self._chore(self._connection)
        outcomes = [waiting.job(self._connection) for waiting in batch]
        self._connection.execute("COMMIT")
        return outcomes


def _is_of_one_job(error: Exception) -> bool:
    """Check whether other jobs may succeed: a failing disk or a locked file affects them all."""
    return is_full(error) or not isinstance(error, sqlite3.OperationalError)


def _failure(error: Exception) -> Exception:
    """Return the exception for the caller."""
    if not isinstance(error, sqlite3.Error):
        return error
    kind = StoreFullError if is_full(error) else StoreUnavailableError
    unavailable = kind(f"SQLite: {error}")
    unavailable.__cause__ = error
    return unavailable


def _deliver(answer: asyncio.Future[Any], outcome: object) -> None:
    # The loop may be closed if the caller is gone.
    with suppress(RuntimeError):
        answer.get_loop().call_soon_threadsafe(_resolve, answer, outcome)


def _resolve(answer: asyncio.Future[Any], outcome: object) -> None:
    if answer.done():
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)

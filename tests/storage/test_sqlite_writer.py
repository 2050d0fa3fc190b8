"""The writing thread: what waits together is committed together, or not at all."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from shared.storage import StoreUnavailableError
from shared.storage.sqlite_writer import MAX_BATCH, Writer

pytestmark = pytest.mark.anyio


class Transactions:
    """Counts them."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, connection: sqlite3.Connection) -> None:
        self.count += 1


@pytest.fixture
def transactions() -> Transactions:
    return Transactions()


@pytest.fixture
async def writer(tmp_path: Path, transactions: Transactions, anyio_backend: str) -> AsyncIterator[Writer]:
    connection = sqlite3.connect(tmp_path / "test.db", isolation_level=None, check_same_thread=False)
    connection.execute("CREATE TABLE number (number INTEGER)")
    writer = Writer(connection, transactions)
    yield writer
    await writer.aclose()


def insert(number: int, connection: sqlite3.Connection) -> int:
    connection.execute("INSERT INTO number VALUES (?)", (number,))
    return number


def fail(connection: sqlite3.Connection) -> int:
    return connection.execute("INSERT INTO nowhere VALUES (1)").rowcount


def refuse(connection: sqlite3.Connection) -> None:
    raise ValueError("refused")


async def numbers(writer: Writer) -> list[int]:
    rows = await writer.run(lambda db: db.execute("SELECT number FROM number ORDER BY 1").fetchall())
    return [number for (number,) in rows]


@asynccontextmanager
async def held(writer: Writer) -> AsyncIterator[None]:
    """The thread is busy inside a transaction: what is asked of it meanwhile waits together."""
    begun, gate = threading.Event(), threading.Event()

    def hold(connection: sqlite3.Connection) -> bool:
        begun.set()
        return gate.wait(10)

    holding = asyncio.ensure_future(writer.run(hold))
    await asyncio.to_thread(begun.wait, 10)
    yield
    await asyncio.sleep(0)
    gate.set()
    assert await holding


async def test_jobs_that_wait_together_share_one_transaction(
    writer: Writer, transactions: Transactions
) -> None:
    async with held(writer):
        jobs = [asyncio.ensure_future(writer.run(partial(insert, n))) for n in range(MAX_BATCH + 1)]
    assert await asyncio.gather(*jobs) == list(range(MAX_BATCH + 1))
    assert transactions.count == 3


async def test_a_job_that_sqlite_fails_undoes_what_shared_its_transaction(writer: Writer) -> None:
    async with held(writer):
        jobs = [
            asyncio.ensure_future(writer.run(job)) for job in (partial(insert, 1), fail, partial(insert, 2))
        ]
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailableError] * 3
    assert await numbers(writer) == []
    assert await writer.run(partial(insert, 3)) == 3


async def test_a_job_that_is_refused_harms_no_other(writer: Writer) -> None:
    outcomes = await asyncio.gather(
        writer.run(partial(insert, 1)),
        writer.run(refuse),
        writer.run(partial(insert, 2)),
        return_exceptions=True,
    )
    assert (outcomes[0], outcomes[2]) == (1, 2)
    assert isinstance(outcomes[1], ValueError)
    assert await numbers(writer) == [1, 2]


async def test_a_caller_that_has_gone_disturbs_nobody(writer: Writer) -> None:
    async with held(writer):
        cancelled = asyncio.ensure_future(writer.run(partial(insert, 1)))
        await asyncio.sleep(0)
        cancelled.cancel()
    assert await writer.run(partial(insert, 2)) == 2


def half_done(error: Exception) -> Callable[[sqlite3.Connection], None]:
    """A job that writes, and then fails."""

    def job(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO number VALUES (99)")
        raise error

    return job


def too_large(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO number VALUES (?)", (2**63,))


def too_long(connection: sqlite3.Connection) -> None:
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 10)
    try:
        connection.execute("INSERT INTO number VALUES (?)", ("x" * 100,))
    finally:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1_000_000_000)


@pytest.mark.requirement("BOUND-2")
@pytest.mark.parametrize(
    ("job", "error_class"),
    [
        (too_large, OverflowError),
        (too_long, StoreUnavailableError),
        (half_done(ValueError()), ValueError),
        (half_done(TypeError()), TypeError),
        (half_done(KeyError()), KeyError),
        (half_done(MemoryError()), MemoryError),
        (half_done(sqlite3.ProgrammingError()), StoreUnavailableError),
        (half_done(RecursionError()), RecursionError),
    ],
)
async def test_a_job_that_fails_in_any_way_is_undone_and_harms_neither_the_others_nor_the_thread(
    writer: Writer, job: Callable[[sqlite3.Connection], None], error_class: type[Exception]
) -> None:
    async with held(writer):
        jobs = [asyncio.ensure_future(writer.run(j)) for j in (partial(insert, 1), job, partial(insert, 2))]
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    assert (outcomes[0], type(outcomes[1]), outcomes[2]) == (1, error_class, 2)
    assert await numbers(writer) == [1, 2]
    with pytest.raises(error_class):
        await writer.run(job)
    assert await writer.run(partial(insert, 3)) == 3

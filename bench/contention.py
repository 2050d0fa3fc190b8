"""``python -m bench.contention``: many connections of one network, counted against one limit.

Compares the atomic `Store.count` with its predecessor, a document that is read, changed and written back if
nobody was faster (get, then `Store.replace`, again and again). Both run in turns against one redis-server.
`bench.one_address` measures operations over HTTP that are counted this way.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from shared.storage import Store, open_store
from tests.servers import DURABLE, redis_running

CONNECTIONS = 32
WINDOW_S = 60
LIMIT = 1_000_000_000

Attempt = Callable[[Store], Awaitable[None]]


class Sample(NamedTuple):
    """A turn: attempts per second, and the 99th percentile of their duration in milliseconds."""

    per_second: float
    p99_ms: float


async def counted(store: Store) -> None:
    """Count with one atomic operation."""
    assert (await store.count("doorward:bench:counted", ttl_s=WINDOW_S, limit=LIMIT)).admitted


async def compared_and_swapped(store: Store) -> None:
    """Read, add one, and write back unless another connection was faster."""
    key = "doorward:bench:swapped"
    while True:
        old = await store.get(key)
        if old is None:
            if await store.create(key, b'{"attempts":1}', ttl_s=WINDOW_S):
                return
            continue
        new = json.dumps({"attempts": json.loads(old)["attempts"] + 1}).encode()
        if await store.replace(key, old, new, ttl_s=WINDOW_S):
            return


async def measure(store: Store, attempt: Attempt, seconds: float) -> Sample:
    """Measure one turn of `CONNECTIONS`, each making one attempt after another."""
    took: list[float] = []
    end = time.monotonic() + seconds

    async def connection() -> None:
        while (begun := time.monotonic()) < end:
            await attempt(store)
            took.append(time.monotonic() - begun)

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return Sample(len(took) / seconds, quantiles(took, n=100)[98] * 1_000)


async def compare(url: str, seconds: float, rounds: int) -> dict[str, Sample]:
    """Return the medians of both; their turns alternate."""
    samples: dict[str, list[Sample]] = {}
    store = open_store(url)
    for _ in range(rounds):
        for attempt in (compared_and_swapped, counted):
            samples.setdefault(attempt.__name__, []).append(await measure(store, attempt, seconds))
    await store.aclose()
    return {
        name: Sample(median(s.per_second for s in taken), median(s.p99_ms for s in taken))
        for name, taken in samples.items()
    }


def main() -> None:
    """Parse the options, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.contention", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each turn")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, redis_running(Path(directory), *DURABLE) as redis:
        medians = asyncio.run(compare(redis.url, options.seconds, options.rounds))
    before, after = medians["compared_and_swapped"], medians["counted"]
    for name, sample in medians.items():
        sys.stdout.write(f"{name:>22}: {sample.per_second:8.0f} attempts/s, p99 {sample.p99_ms:7.1f} ms\n")
    sys.stdout.write(
        f"{'ratio':>22}: {after.per_second / before.per_second:8.1f} times the attempts,"
        f" p99 {before.p99_ms / after.p99_ms:.1f} times shorter\n"
    )


if __name__ == "__main__":
    main()

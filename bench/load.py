"""A load generator: each connection sends a request as soon as it has the previous response."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from time import perf_counter

from bench.traffic import Connection, Response

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")

Script = Callable[[Response | None], bytes | None]
"""Returns the next request of a connection, given the last response to it; None ends the connection."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One turn of one subject.

    Attributes:
        per_second: answered requests per second.
        processor_us: the server's processor time per request, in microseconds.
        p50_ms, p99_ms: percentiles of the time to a response, in milliseconds.
    """

    per_second: float
    processor_us: float
    p50_ms: float = 0.0
    p99_ms: float = 0.0


async def measure(
    scripts: Sequence[Script], port: int, process_id: int, *, statuses: Collection[int], seconds: float
) -> Sample:
    """Run each script over a connection for `seconds`, with at least one request each.

    Raises:
        AssertionError: a response has another status than one of `statuses`.
    """
    connections = await asyncio.gather(*(Connection.open(port) for _ in scripts))
    took = list[float]()

    async def run(connection: Connection, script: Script) -> None:
        response: Response | None = None
        while perf_counter() < end or response is None:
            request = script(response)
            if request is None:
                return
            begun = perf_counter()
            response = await connection.exchange(request)
            took.append(perf_counter() - begun)
            assert response.status in statuses, (response.head, response.body)
        script(response)  # a chain continues with it in the next turn

    started, used = perf_counter(), processor_s(process_id)
    end = started + seconds
    await asyncio.gather(*map(run, connections, scripts))
    seconds_taken, used = perf_counter() - started, processor_s(process_id) - used
    for connection in connections:
        connection.close()
    marks = quantiles(took, n=100) if len(took) > 1 else [took[0]] * 99
    return Sample(len(took) / seconds_taken, used / len(took) * 1e6, marks[49] * 1_000, marks[98] * 1_000)


def processor_s(process_id: int) -> float:
    """Return the processor time of a process so far, user and system, in seconds."""
    fields: Sequence[str] = Path(f"/proc/{process_id}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S

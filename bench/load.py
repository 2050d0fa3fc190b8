"""A load generator: it sends requests over open connections as fast as they are answered."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.volley import Line

CONNECTIONS = 16
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Sample:
    """One turn of one subject.

    Attributes:
        per_second: answered requests per second.
        processor_us: the server's processor time per request, in microseconds.
    """

    per_second: float
    processor_us: float


async def measure(port: int, request: bytes, status: int, process_id: int, seconds: float) -> Sample:
    """Send requests for `seconds` over `CONNECTIONS` connections.

    Raises:
        AssertionError: a response has another status than `status`.
    """
    lines = [Line(port) for _ in range(CONNECTIONS)]
    await asyncio.gather(*(line.be_open() for line in lines))
    loop = asyncio.get_running_loop()
    started, used = loop.time(), processor_s(process_id)
    counts = await asyncio.gather(*(_ask(line, request, status, started + seconds) for line in lines))
    took_s, used_s = loop.time() - started, processor_s(process_id) - used
    await asyncio.gather(*(line.close() for line in lines))
    return Sample(sum(counts) / took_s, used_s / sum(counts) * 1e6)


async def _ask(line: Line, request: bytes, status: int, until: float) -> int:
    loop, count = asyncio.get_running_loop(), 0
    while loop.time() < until or not count:
        answer = await line.send(request)
        assert answer.status == status, (answer.status, answer.body)
        count += 1
    return count


def processor_s(process_id: int) -> float:
    """Return the processor time of a process so far, user and system, in seconds."""
    fields: Sequence[str] = Path(f"/proc/{process_id}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S

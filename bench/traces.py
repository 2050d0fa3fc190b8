"""Measure the cost of traces and request lines for requests that repeat the head of the one before.

python -m bench.traces

All protocols run in this process, in turn, without a network. The lowest time of many turns is free of what
else the machine does.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager

from bench.metrics import TURNS, connected, turn
from shared.asgi.direct_protocol import DirectProtocol
from shared.asgi.endpoint_names import EndpointNames
from shared.asgi.observed import ObservedApp, ObservedProtocol, RequestDone
from shared.logs import LogSettings, configure_logs
from shared.observing import peer_of
from shared.request_lines import RequestLines
from shared.traces.current import Trace
from shared.traces.requests import RequestTraces, parents_everywhere
from shared.traces.sampling import Sampler
from tests.shared.direct_app import App


class Discarding:
    """Sends nothing."""

    def send(self, trace: Trace) -> None:
        """Discard."""

    def close(self) -> None:
        """Do nothing."""


@contextmanager
def discarded_log() -> Iterator[None]:
    """Write the log as JSON to a file that discards it."""
    with open(os.devnull, "w", encoding="utf-8") as stream:
        configure_logs(LogSettings(format="json", level="info"), stream=stream)
        yield


def observing(done: list[RequestDone], per_second: float = 0.0) -> ObservedApp:
    """Return an application with traces, unless `per_second` is 0."""
    sampler = Sampler(1.0, per_second)
    traces = RequestTraces(Discarding(), sampler, parents_everywhere) if per_second else None
    return ObservedApp(App(), EndpointNames(), done, traces)


async def compare() -> dict[str, float]:
    """Return the processor time of a request, in microseconds."""
    kinds = {
        "off": connected(App(), DirectProtocol),
        "traces, 10 recorded a second": connected(observing([], 10.0), ObservedProtocol),
        "traces, all recorded, without the export": connected(observing([], 1e9), ObservedProtocol),
        "request lines": connected(observing([RequestLines(peer_of).write]), ObservedProtocol),
    }
    taken = [{name: turn(connection) for name, connection in kinds.items()} for _ in range(TURNS)]
    return {name: min(each[name] for each in taken) for name in kinds}


def main() -> None:
    """Print all."""
    with discarded_log():
        times = asyncio.run(compare())
    for name, time in times.items():
        print(f"{time:6.2f} µs  {time - times['off']:+6.2f} µs  {name}")  # noqa: T201


if __name__ == "__main__":
    main()

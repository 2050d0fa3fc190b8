"""Measure what metrics cost at the fastest path: a request that repeats the head of the one before.

python -m bench.metrics

Both protocols run in this process, in turn, without a network. The lowest time of many turns is free of what
else the machine does.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import uvicorn
from uvicorn.server import ServerState

from auth_service.metrics import AuthMetrics
from shared.asgi.direct_protocol import DirectProtocol
from shared.asgi.endpoint_names import EndpointNames
from shared.asgi.observed import ObservedApp, ObservedProtocol
from shared.metrics.measurements import Measurements
from tests.shared.direct_app import App

REQUEST = b"GET /document HTTP/1.1\r\nHost: x\r\n\r\n"
TURNS, REQUESTS = 60, 2_000


class Transport(asyncio.Transport):
    """A connection that discards what is written."""

    def write(self, data: object) -> None:
        """Discard."""

    def is_closing(self) -> bool:
        """Stay open."""
        return False

    def get_extra_info(self, name: str, default: object = None) -> object:
        """Return the addresses of a connection over loopback."""
        return ("127.0.0.1", 1) if name in ("peername", "sockname") else default


def connected(app: object, protocol: type[DirectProtocol]) -> DirectProtocol:
    """Return a connection that has answered a request."""
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", proxy_headers=False)  # type: ignore[arg-type]
    config.load()
    connection = protocol(config, server_state=ServerState(), app_state={})
    connection.connection_made(Transport())
    connection.data_received(REQUEST)
    return connection


def turn(connection: DirectProtocol) -> float:
    """Return the processor time of a request, in microseconds."""
    begun = process_time()
    for _ in range(REQUESTS):
        connection.data_received(REQUEST)
    return (process_time() - begun) / REQUESTS * 1e6


async def compare(folder: Path) -> tuple[float, float]:
    """Return the processor time without metrics, and with them."""
    metrics = AuthMetrics(Measurements(folder))
    off = connected(App(), DirectProtocol)
    on = connected(ObservedApp(App(), EndpointNames(), [metrics.request_done]), ObservedProtocol)
    taken = [(turn(off), turn(on)) for _ in range(TURNS)]
    return min(each for each, _ in taken), min(each for _, each in taken)


def main() -> None:
    """Print both."""
    with TemporaryDirectory() as name:
        off, on = asyncio.run(compare(Path(name)))
    print(f"off {off:.2f} µs, on {on:.2f} µs: {on - off:.2f} µs a request")  # noqa: T201


if __name__ == "__main__":
    main()

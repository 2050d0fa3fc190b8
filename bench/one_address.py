"""``python -m bench.one_address``: registrations and logins over HTTP, all from one address.

Each is counted on the same few keys of the store. The ratio of 32 connections to one shows the cost, beside
the same ratio of `client_credentials`, which is not counted on a shared key. The client runs on the same
cores, so only ratios are meaningful.
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
from urllib.parse import urlencode

from tests.e2e.services import deployed
from tests.e2e.volley import Answer, Line, post, request
from tests.flow import forms_of
from tests.servers import DURABLE, redis_running

MANY = 32
SETTINGS = {"DOORWARD_OPEN_CLIENT_CREDENTIALS": "true", "DOORWARD_MAX_CLIENTS": "1000000"}
METADATA = {
    "redirect_uris": ["http://localhost/"],
    "grant_types": ["authorization_code", "client_credentials"],
    "token_endpoint_auth_method": "client_secret_post",
}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
REGISTRATION = request("POST", "/register", {"Content-Type": "application/json"}, json.dumps(METADATA))

Visit = Callable[[Line], Awaitable[None]]


class Sample(NamedTuple):
    """A turn: visits per second, and the 99th percentile of their duration in milliseconds."""

    per_second: float
    p99_ms: float


async def requests(line: Line, bytes_: bytes, status: int) -> Answer:
    """Send a request, check the status of the response and return it."""
    await line.be_open()
    answer = await line.send(bytes_)
    assert answer.status == status, (answer.status, answer.body)
    return answer


async def register(line: Line) -> None:
    """Register a new client."""
    await requests(line, REGISTRATION, 201)


async def log_in(line: Line) -> None:
    """Log the demo user in, in a new browser."""
    page = await requests(line, request("GET", "/login", {}), 200)
    cookie = page.headers["set-cookie"].partition(";")[0]
    fields = {**forms_of(page.body.decode())[0].fields, "username": "wesen", "password": "secret"}
    await requests(line, request("POST", "/login", {**FORM, "Cookie": cookie}, urlencode(fields)), 303)


def client_credentials(registered: Answer) -> Visit:
    """Return a visit that gets a token for the client itself."""
    names = ("client_id", "client_secret")
    credentials = {name: str(registered.json[name]) for name in names}
    bytes_ = post("/token", {"grant_type": "client_credentials", **credentials})

    async def visit(line: Line) -> None:
        await requests(line, bytes_, 200)

    return visit


async def measure(port: int, visit: Visit, connections: int, seconds: float) -> Sample:
    """Measure one turn of `connections`, each making one visit after another."""
    took: list[float] = []
    began = time.monotonic()

    async def connection() -> None:
        line = Line(port)
        while (begun := time.monotonic()) < began + seconds or len(took) < 2:
            await visit(line)
            took.append(time.monotonic() - begun)
        await line.close()

    await asyncio.gather(*(connection() for _ in range(connections)))
    return Sample(len(took) / (time.monotonic() - began), quantiles(took, n=100)[98] * 1_000)


async def compare(port: int, seconds: float, rounds: int) -> dict[str, tuple[Sample, Sample]]:
    """Return the medians of each visit with one connection and with many; the turns alternate."""
    line = Line(port)
    token = client_credentials(await requests(line, REGISTRATION, 201))
    await line.close()
    visits = {"client_credentials": token, "register": register, "log in": log_in}
    samples: dict[tuple[str, int], list[Sample]] = {}
    for _ in range(rounds):
        for name, visit in visits.items():
            for connections in (1, MANY):
                turn = await measure(port, visit, connections, seconds)
                samples.setdefault((name, connections), []).append(turn)
    return {name: (_median(samples[name, 1]), _median(samples[name, MANY])) for name in visits}


def _median(taken: list[Sample]) -> Sample:
    return Sample(median(s.per_second for s in taken), median(s.p99_ms for s in taken))


def main() -> None:
    """Parse the options, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.one_address", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each turn")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        redis_running(Path(directory), *DURABLE) as redis,
        deployed(redis.url, Path(directory), settings=SETTINGS) as deployment,
    ):
        medians = asyncio.run(compare(deployment.auth[0].port, options.seconds, options.rounds))
    for name, (one, many) in medians.items():
        ratio = many.per_second / one.per_second
        sys.stdout.write(
            f"{name:>18}: {one.per_second:6.0f}/s with one connection, {many.per_second:6.0f}/s with {MANY}"
            f" ({ratio:.2f} times), p99 {one.p99_ms:6.1f} and {many.p99_ms:6.1f} ms\n"
        )


if __name__ == "__main__":
    main()

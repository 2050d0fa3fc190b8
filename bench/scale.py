"""``python -m bench.scale``: memory of Redis for each grant; introspection with many grants and in overload.

Grants are created over HTTP, and multiplied in Redis by copying their keys under other ids. Two deployments,
one with few grants and one with many, are measured in turns.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

import httpx2
import redis
import uvloop

from bench.load import measure
from bench.operations import CONNECTIONS, SETTINGS, repeated
from bench.pinning import pin_load, pin_server
from bench.processes import Place, place_of
from tests.e2e.services import Deployment, deployed
from tests.e2e.volley import post
from tests.flow import Client, Person
from tests.servers import redis_running

FEW = 1_000
SAMPLE = 200
BATCH = 10_000
OVERLOAD = 16
"""How many times the connections that saturate the server are open during the overload."""

TRANSIENT_MS = 3_600_000
"""Keys that live no longer than this belong to a request or a limit, not to a grant."""

# Copies a document under other ids, with its entries in sorted sets. KEYS[1] is the document, the other keys
# are the sets. ARGV: the id in the document, how many copies, the first number.
_COPY = """
local value, ttl = redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])
local id = ARGV[1]
local prefix, plain = string.sub(KEYS[1], 1, -1 - #id), string.gsub(id, '%-', '%%-')
for number = ARGV[3] + 0, ARGV[3] + ARGV[2] - 1 do
  local copy = string.sub(redis.sha1hex(number), 1, #id)
  redis.call('SET', prefix .. copy, (string.gsub(value, plain, copy)), 'PX', ttl)
  for index = 2, #KEYS do
    redis.call('ZADD', KEYS[index], redis.call('ZSCORE', KEYS[index], id), copy)
  end
end
"""


class Bytes(NamedTuple):
    """The memory of Redis for something."""

    documents: float
    journal: float

    def __str__(self) -> str:
        return f"{self.documents:.0f} bytes, and {self.journal:.0f} in the journal"


class Filled:
    """A deployment whose store holds many live grants, of which a few were created over HTTP.

    Args:
        deployment: running, with an empty store.
        store: its Redis.
        http: for the requests of clients.
    """

    def __init__(self, deployment: Deployment, store: redis.Redis, http: httpx2.Client) -> None:
        self._deployment = deployment
        self._store = store
        self._http = http
        self._person = Person(trust_env=False)
        self.token = ""

    @property
    def place(self) -> Place:
        """Where the authorization server is."""
        return place_of(self._deployment.auth[0])

    @property
    def introspection(self) -> bytes:
        """The request that introspects the token of a real grant."""
        return post("/introspect", {"token": self.token}, self._deployment.authorization)

    def bytes_of(self, create: Callable[[], object]) -> Bytes:
        """Return the memory of Redis for what one call of `create` leaves, transient keys aside."""
        create()
        before, journal_before = self._settled_bytes(), self._journal_bytes()
        for _ in range(SAMPLE):
            create()
        journal = self._journal_bytes() - journal_before
        return Bytes((self._settled_bytes() - before - journal) / SAMPLE, journal / SAMPLE)

    def register(self) -> Client:
        """Register a client."""
        return Client.register(self._deployment.issuer, self._http)

    def connect(self, client: Client) -> None:
        """Let the person connect a client."""
        tokens = client.connect(self._person, resource=self._deployment.mcp_url)
        self.token = str(tokens["access_token"])

    def multiply(self, grants: int) -> float:
        """Copy a grant until there are so many. Return the memory of Redis for each copy, in bytes."""
        key = next(iter(self._store.scan_iter("doorward:grant:*", count=BATCH)))
        grant_id = key.decode().removeprefix("doorward:grant:")
        indexes = [
            index
            for index in self._store.scan_iter("doorward:*-grants:*", count=BATCH)
            if self._store.zscore(index, grant_id) is not None
        ]
        before, copy = self._settled_bytes(), self._store.register_script(_COPY)
        for first in range(0, grants, BATCH):
            copy(keys=[key, *indexes], args=[grant_id, min(BATCH, grants - first), first])
        return (self._settled_bytes() - before) / grants

    def _journal_bytes(self) -> int:
        # The journal is kept for as long as the operator says, however long its grants live.
        chains = self._store.scan_iter("doorward:journal:*", count=BATCH)
        return sum(int(self._store.memory_usage(chain, samples=0) or 0) for chain in chains)

    def _settled_bytes(self) -> int:
        for key in self._store.scan_iter(count=BATCH):
            if 0 < self._store.pttl(key) <= TRANSIENT_MS:
                self._store.delete(key)
        return int(self._store.info("memory")["used_memory"])


@contextmanager
def running(directory: Path) -> Iterator[Filled]:
    """Run a deployment with a Redis of its own."""
    directory.mkdir()
    with ExitStack() as stack:
        address = stack.enter_context(redis_running(directory / "redis")).url
        deployment = stack.enter_context(deployed(address, directory, settings=SETTINGS))
        store = stack.enter_context(redis.Redis.from_url(address))
        http = stack.enter_context(httpx2.Client(trust_env=False, timeout=30))
        pin_server(place_of(deployment.auth[0])[1])
        yield Filled(deployment, store, http)


async def compare(few: Filled, many: Filled, *, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Measure introspection with few and many grants, and with too many connections, in turns."""
    results: dict[str, list[float]] = {"many grants : few": [], "overload : saturation": []}
    for _ in range(rounds):
        first = await _introspect(few, CONNECTIONS, seconds)
        results["many grants : few"].append(await _introspect(many, CONNECTIONS, seconds) / first)
        results["overload : saturation"].append(
            await _introspect(few, CONNECTIONS * OVERLOAD, seconds) / first
        )
    return results


async def _introspect(filled: Filled, connections: int, seconds: float) -> float:
    port, process_id = filled.place
    scripts = repeated(filled.introspection, connections)
    return (await measure(scripts, port, process_id, statuses={200}, seconds=seconds)).per_second


def main() -> None:
    """Parse the options, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--grants", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each turn")
    options = parser.parse_args()
    pin_load()
    with (
        tempfile.TemporaryDirectory() as directory,
        running(Path(directory, "few")) as few,
        running(Path(directory, "many")) as many,
    ):
        for line in _memory(few, many, options.grants):
            sys.stdout.write(f"{line}\n")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            results = runner.run(compare(few, many, rounds=options.rounds, seconds=options.seconds))
    for name, ratios in results.items():
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        sys.stdout.write(f"introspections a second, {name}: {median(ratios):.2f} ({spread})\n")


def _memory(few: Filled, many: Filled, grants: int) -> Iterator[str]:
    client = few.register()
    many.connect(many.register())
    yield f"a registered client: {few.bytes_of(few.register)}"
    yield f"another grant of a person and a client: {few.bytes_of(lambda: few.connect(client))}"
    both = few.bytes_of(lambda: few.connect(few.register()))
    yield f"a client, its first grant and the consent: {both}"
    few.multiply(FEW)
    yield f"each of {grants} copied grants: {many.multiply(grants):.0f} bytes"


if __name__ == "__main__":
    main()

"""A flood of each endpoint that needs no authentication, in turn, and a table of what it cost.

DOORWARD_SOAK_FLOOD_REQUESTS sets how many requests are sent to each.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.floods.deployment import Flooded, flooded
from tests.floods.junk import every_endpoint
from tests.floods.sender import Junk, send, senders

pytestmark = [pytest.mark.long, pytest.mark.requirement("BOUND-1", "BOUND-2", "BOUND-3", "SEC-13")]

REQUESTS = int(os.environ.get("DOORWARD_SOAK_FLOOD_REQUESTS", "60"))
P99_S = 1.0 if REQUESTS > 1_000 else 5.0
NETWORKS = max(1, REQUESTS // 20)
MOST_BYTES = 32 * 1024**2
HEAD = """| endpoint | responses | more memory of Redis | more keys | p99 of the connected client |
| --- | --- | --- | --- | --- |"""


@dataclass(frozen=True)
class Cost:
    """The effect of the flood of one endpoint."""

    endpoint: str
    statuses: Counter[int]
    more_bytes: int
    more_keys: int
    p99_s: float

    def row(self) -> str:
        """A row of the table."""
        statuses = ", ".join(f"{count} × {status}" for status, count in sorted(self.statuses.items()))
        kilobytes = max(0, self.more_bytes) // 1024
        return f"| {self.endpoint} | {statuses} | {kilobytes} kB | {self.more_keys} | {self.p99_s:.2f} s |"


def cost_of(
    endpoint: str, junk: Sequence[Junk], deployment: Flooded, pool: ProcessPoolExecutor, address: str
) -> Cost:
    """Flood an endpoint, while a client refreshes and another one registers and connects."""
    deployment.took_s.clear()
    before, keys_before = deployment.used_memory(), deployment.keys()
    sending = pool.submit(send, junk, REQUESTS, NETWORKS)
    deployment.new_client_connects(address)
    deployment.existing_client_refreshes()
    while not sending.done():
        deployment.existing_client_refreshes()
    more_bytes, more_keys = deployment.used_memory() - before, deployment.keys() - keys_before
    return Cost(endpoint, sending.result(), more_bytes, more_keys, deployment.p99_s())


def test_a_flood_of_any_endpoint_leaves_everybody_else_connected(tmp_path: Path) -> None:
    costs = []
    with flooded(tmp_path) as deployment, senders() as pool:
        endpoints = every_endpoint(deployment.client, deployment.deployment.mcp_url)
        for number, (endpoint, junk) in enumerate(endpoints.items()):
            costs.append(cost_of(endpoint, junk, deployment, pool, f"198.51.102.{number}"))
            sys.stderr.write(f"{costs[-1].row()}\n")
    rows = "\n".join(cost.row() for cost in costs)
    sys.stdout.write(f"\n{REQUESTS} requests each, from {NETWORKS} networks:\n\n{HEAD}\n{rows}\n")
    assert [cost for cost in costs if any(status == 0 or status >= 500 for status in cost.statuses)] == []
    assert max(cost.more_bytes for cost in costs) < MOST_BYTES
    assert max(cost.p99_s for cost in costs) < P99_S

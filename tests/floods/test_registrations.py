"""A million registrations of nobody: the store stays small, and everybody else goes on.

The flood comes from many networks. DOORWARD_SOAK_REGISTRATIONS sets its length; `make soak` sends a million.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from tests.floods.deployment import AS_IT_COMES, flooded
from tests.floods.sender import Junk, send, senders
from tests.flow import REDIRECT_URI

pytestmark = [pytest.mark.long, pytest.mark.requirement("BOUND-1", "BOUND-3", "SEC-13")]

REGISTRATIONS = int(os.environ.get("DOORWARD_SOAK_REGISTRATIONS", "500"))
NETWORKS = max(1, REGISTRATIONS // 2_000)
P99_S = 1.0 if REGISTRATIONS > 10_000 else 5.0
OWN_SHARE = 30
"""Registrations of one network in an hour that do not count against the limit for all: a hundredth of it."""
MOST_BYTES = 128 * 1024**2
MOST_SHED = 0.01
"""The share of the flood that a server with too much to do may turn away without counting it."""


def test_a_flood_of_registrations_leaves_the_store_small_and_everybody_else_connected(tmp_path: Path) -> None:
    with flooded(tmp_path) as flooded_deployment, senders() as pool:
        memory, began = [flooded_deployment.used_memory()], time.monotonic()
        document = {"redirect_uris": [REDIRECT_URI], "client_name": "n" * 100}
        junk = Junk(
            "POST",
            f"{flooded_deployment.deployment.issuer}/register",
            json.dumps(document),
            {"Content-Type": "application/json"},
        )
        sending, rounds = pool.submit(send, [junk], REGISTRATIONS, NETWORKS), 0
        while not sending.done() or not rounds:
            flooded_deployment.existing_client_refreshes()
            if rounds % 50 == 0:
                address = f"198.51.101.{rounds // 50 % 250}"
                flooded_deployment.new_client_connects(address)
                memory.append(flooded_deployment.used_memory())
                p99_s = flooded_deployment.p99_s()
                sys.stderr.write(f"{rounds} {memory[-1]} {flooded_deployment.keys()} {p99_s:.3f}\n")
            rounds += 1
        statuses = sending.result()
        figures = (
            f"{REGISTRATIONS} registrations from {NETWORKS} networks: {dict(statuses)}; Redis used"
            f" {memory[0]} bytes before, at most {max(memory)}; {flooded_deployment.keys()} keys after;"
            f" {rounds} refreshes in between, p99 {flooded_deployment.p99_s():.3f} s"
        )
        sys.stdout.write(f"{figures}\n")
        assert set(statuses) <= {201, 429, 503}
        assert statuses[503] <= MOST_SHED * REGISTRATIONS
        hours = 1 + int((time.monotonic() - began) / 3600)
        most = NETWORKS * OWN_SHARE + int(AS_IT_COMES["DOORWARD_REGISTRATIONS_PER_HOUR"])
        assert statuses[201] <= most * hours
        assert max(memory) - memory[0] < MOST_BYTES
        assert flooded_deployment.p99_s() < P99_S

"""`deploy/compose/sentinel.yml`: what was confirmed outlives a failover and a start of all.

It takes a minute: a complete run has `tests/deploy/test_sentinel_overlay.py` instead.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from tests.compose.stack import HEALTHY_TIMEOUT_S, Stack
from tests.servers import wait_until

REDIS = ("redis", "redis-2", "redis-3")
SENTINELS = ("sentinel-1", "sentinel-2", "sentinel-3")


class Store:
    """The Redis servers and the Sentinels, without the services."""

    def __init__(self, stack: Stack, network: str) -> None:
        self.stack = stack
        self._services = {f"{network}.{11 + number}": name for number, name in enumerate(REDIS)}

    def start(self, *without: str) -> None:
        """Start all but some, in no order."""
        services = (name for name in (*REDIS, *SENTINELS) if name not in without)
        self.stack.compose("up", "-d", "--no-deps", *services)

    def says(self, service: str, *command: str, port: int = 6379) -> str:
        """The answer of a server to a command."""
        return self.stack.run(service, "redis-cli", "-p", str(port), *command)[1].strip()

    def is_settled(self) -> bool:
        """Whether each Sentinel has a primary that is well, two replicas and the others."""
        states = (self.says(name, "info", "sentinel", port=26379) for name in SENTINELS)
        return all("status=ok" in each and "slaves=2,sentinels=3" in each for each in states)

    def primaries(self) -> set[str]:
        """The primary, as each Sentinel names it."""
        question = ("sentinel", "get-master-addr-by-name", "doorward")
        answers = (self.says(name, *question, port=26379).split() for name in SENTINELS)
        return {self._services.get(answer[0], "none") for answer in answers}

    def has(self, value: str, *services: str) -> bool:
        """Whether these have `value`."""
        return all(self.says(name, "get", "newest") == value for name in services)

    def waits(self, sentinel: str, primary: str) -> bool:
        """Whether a Sentinel has said that it waits for `primary`."""
        [address] = [address for address, name in self._services.items() if name == primary]
        return f"Waiting for the primary, {address}" in self.stack.container(sentinel).logs().decode()


@pytest.fixture
def store(engine: DockerClient, tmp_path: Path) -> Iterator[Store]:
    stack = Stack(engine, tmp_path, overlays=("sentinel",))
    network = f"10.{secrets.randbelow(60) + 130}.{secrets.randbelow(256)}"
    with stack.set_in("auth", f"STORE_SUBNET_PREFIX={network}"):
        try:
            yield Store(stack, network)
        finally:
            stack.compose("down", "--volumes", "--timeout", "5")


def change_password(stack: Stack) -> None:
    """Another password of Redis in `.env`."""
    file = stack.files["auth"]
    changed = re.sub(r"(?m)^(DOORWARD_REDIS_PASSWORD)=.*", rf"\1={secrets.token_hex(16)}", file.read_text())
    file.write_text(changed)


@pytest.mark.skipif("DOORWARD_SOAK_FAULTS" not in os.environ, reason="part of a soak run")
@pytest.mark.long
@pytest.mark.requirement("OP-1")
def test_a_start_after_a_failover_keeps_the_newest_writes(store: Store) -> None:
    store.start()
    wait_until(store.is_settled, timeout_s=HEALTHY_TIMEOUT_S)
    assert store.says("redis", "set", "newest", "old") == "OK"
    wait_until(lambda: store.has("old", *REDIS))

    store.stack.compose("kill", "redis")
    wait_until(lambda: store.primaries() in ({"redis-2"}, {"redis-3"}), timeout_s=HEALTHY_TIMEOUT_S)
    [primary] = store.primaries()
    # Without a replica, it does not accept the write.
    wait_until(lambda: store.says(primary, "set", "newest", "new") == "OK", timeout_s=HEALTHY_TIMEOUT_S)
    wait_until(lambda: store.has("new", "redis-2", "redis-3"))

    store.stack.compose("down")
    change_password(store.stack)
    store.start(primary)
    wait_until(lambda: all(store.waits(name, primary) for name in SENTINELS))
    store.start()
    wait_until(store.is_settled, timeout_s=HEALTHY_TIMEOUT_S)
    assert store.primaries() == {primary}
    assert store.says(primary, "get", "newest") == "new"
    wait_until(lambda: store.has("new", *REDIS), timeout_s=HEALTHY_TIMEOUT_S)

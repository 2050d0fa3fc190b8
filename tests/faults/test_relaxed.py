"""The losses of faults with DOORWARD_DURABILITY=relaxed: measured for the table, not limited.

A token whose revocation was acknowledged is not accepted here, either: the processes remember revocations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from shared.storage import Durability
from tests.faults.ledger import Outcome, Registering, Revoking, Staying, under_load
from tests.faults.slow_network import SlowNetwork, slow_network
from tests.faults.trial import two_servers
from tests.machine import require
from tests.servers import redis_running, wait_until
from tests.storage.topologies import SERVICE, SentinelDeployment, sentinel_running

pytestmark = [pytest.mark.long, pytest.mark.requirement("OP-3", "AS-16"), pytest.mark.xdist_group("faults")]

RELAXED = Durability("relaxed")
EVERY_SECOND = ("--save", "", "--appendonly", "yes", "--appendfsync", "everysec")
LAG_S = 1.5
LOSS = (AssertionError, KeyError)
"""The failures of the ledger's clients when the store has forgotten a client or a grant."""


class StayingDespiteLoss(Staying):
    """Connects again when it was forgotten."""

    def step(self) -> None:
        try:
            super().step()
        except LOSS:
            self.tokens = None
            self.outcome.logged_out += 1


class RevokingDespiteLoss(Revoking):
    """Goes on with another client when one was forgotten."""

    def step(self) -> None:
        try:
            super().step()
        except LOSS:
            self.pending = None


CLIENTS = (Registering, StayingDespiteLoss, StayingDespiteLoss, RevokingDespiteLoss)


def measured(scenario: str, url: str, fault: Callable[[], None], prepare: Callable[[], None]) -> Outcome:
    """Let the fault happen under load once, and count what it lost."""
    outcome = Outcome(f"{scenario}, relaxed")
    with two_servers(url, RELAXED) as servers, under_load(outcome, servers, CLIENTS) as load:
        load.goes_on()
        prepare()
        load.goes_on()
        fault()
        outcome.recovery_s = load.goes_on()
    assert outcome.revived == 0
    assert outcome.acknowledged > 0
    return outcome


def test_a_killed_redis_that_syncs_every_second_is_measured(tmp_path: Path) -> None:
    require("redis-server")
    with redis_running(tmp_path / "redis", *EVERY_SECOND) as redis:
        measured("one Redis, appendfsync everysec, kill -9", redis.url, redis.restart, lambda: None)


def test_a_failover_to_a_replica_that_lags_is_measured(tmp_path: Path) -> None:
    require("redis-server")
    networks: list[SlowNetwork] = []
    with slow_primary(tmp_path, networks) as redis:

        def fail_over() -> None:
            redis.primary.kill()
            wait_until(lambda: is_promoted(redis), timeout_s=30)

        def lag() -> None:
            networks[0].delay_s = LAG_S

        scenario = f"Sentinel 1+2, replicas {LAG_S} s behind, kill -9 of the primary"
        measured(scenario, redis.url, fail_over, lag)


@contextmanager
def slow_primary(directory: Path, networks: list[SlowNetwork]) -> Iterator[SentinelDeployment]:
    """A primary whose replicas can be delayed."""
    with ExitStack() as stack:

        def through(port: int) -> int:
            networks.append(stack.enter_context(slow_network(port, only_replicas=True)))
            return networks[0].port

        redis = stack.enter_context(
            sentinel_running(directory, down_after_ms=1_000, replicas=2, sentinels=3, through=through)
        )
        wait_until(redis.replica_follows)
        yield redis


def is_promoted(redis: SentinelDeployment) -> bool:
    """Whether the first Sentinel names one of the replicas."""
    address = redis.sentinel.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
    assert isinstance(address, tuple | list)
    return int(address[1]) in {replica.port for replica in redis.replicas}

"""Every process of a deployment restarted in turn, behind balancers: no call fails, nobody logs in again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.auth_service.service import AuthorizationServer, MovableClock
from tests.e2e.load import UnavailableError
from tests.e2e.services import Service, deployed, start
from tests.faults.ledger import Load, Outcome, Staying, under_load
from tests.faults.slow_network import slow_network
from tests.faults.trial import ROUNDS, nothing_missing
from tests.machine import require
from tests.servers import free_port, redis_running

pytestmark = [
    pytest.mark.long,
    pytest.mark.requirement("OP-3"),
    pytest.mark.xdist_group("faults"),
]

CLIENTS = 4


@dataclass
class Deployed:
    """Two processes of each service.

    Attributes:
        issuer: the balancer in front of the authorization servers.
        hello_url: behind the balancer in front of the resource servers.
    """

    issuer: str
    hello_url: str
    services: Sequence[Service]


@contextmanager
def balanced(store_url: str, directory: Path) -> Iterator[Deployed]:
    with slow_network() as to_auth, slow_network() as to_resource:
        issuer, resource = (f"http://127.0.0.1:{network.port}" for network in (to_auth, to_resource))

        def through(origin: str) -> str:
            to_auth.targets.append(urlsplit(origin).port or 0)
            return issuer

        mcp_url = f"{resource}/mcp"
        with deployed(
            store_url, directory, replicas=2, issuer=issuer, mcp_url=mcp_url, introspect_through=through
        ) as pair:
            log_file = directory / "other-resource.log"
            other = replace(pair.resource, port=free_port(), log_file=log_file, process=None)
            try:
                start([other])
                to_auth.targets.append(pair.auth[1].port)
                to_resource.targets.extend((pair.resource.port, other.port))
                yield Deployed(issuer, f"{resource}/hello", [*pair.services, other])
            finally:
                other.kill()


@dataclass
class Calling(Staying):
    """Refreshes, and calls with the new token; tries again, once, where a connection breaks."""

    hello_url: str = ""
    broke: bool = False

    def step(self) -> None:
        try:
            super().step()
            if self.tokens:
                headers = {"Authorization": f"Bearer {self.tokens['access_token']}"}
                self.outcome.lost += self.http.get(self.hello_url, headers=headers).status_code != 200
            self.broke = False
        except UnavailableError:
            self.outcome.lost += 1
            raise
        except httpx2.TransportError:
            self.outcome.lost += self.broke
            self.broke = True
            raise


def restarted_in_turn(load: Load, services: Sequence[Service]) -> None:
    for service in services:
        load.goes_on()
        assert service.stop() == 0
        load.goes_on()
        start([service])


def test_a_rolling_restart_fails_no_call_and_logs_nobody_out(tmp_path: Path) -> None:
    require("redis-server")
    outcome = Outcome("rolling restart of two processes of each service, fsync")
    with redis_running(tmp_path / "redis") as redis, balanced(redis.url, tmp_path) as deployment:
        server = AuthorizationServer(
            deployment.issuer, deployment.issuer, redis.url, MovableClock(), failures=[]
        )
        kinds = [partial(Calling, hello_url=deployment.hello_url)] * CLIENTS
        with closing(server), under_load(outcome, [server], kinds) as load:
            for _ in range(ROUNDS):
                restarted_in_turn(load, deployment.services)
            outcome.recovery_s = load.goes_on()
    nothing_missing(outcome)

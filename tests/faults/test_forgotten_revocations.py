"""A failover to replicas that lag forgets revocations that were acknowledged; the services do not."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from auth_service.protocol.grant import Grant
from auth_service.storage import keys
from shared.storage.json_codec import JsonCodec
from tests.auth_service.service import AuthorizationServer, running
from tests.faults.ledger import only_outages
from tests.faults.slow_network import SlowNetwork, slow_network
from tests.flow import Client
from tests.machine import require
from tests.servers import RedisServer, wait_until
from tests.storage.topologies import SentinelDeployment, sentinel_running

pytestmark = [pytest.mark.long, pytest.mark.requirement("OP-3", "AS-16", "SEC-9")]

REVOCATIONS = int(os.environ.get("DOORWARD_SOAK_FORGOTTEN", "60"))
LAG_S = 30.0
PROMOTION_S = 10.0
MACHINE = {
    "grant_types": ["client_credentials"],
    "token_endpoint_auth_method": "client_secret_basic",
    "redirect_uris": [],
}
_grants = JsonCodec(Grant, compressed=True)


@dataclass
class Setup:
    """Two processes of the authorization server on a primary with two replicas, which follow it slowly."""

    redis: SentinelDeployment
    network: SlowNetwork
    servers: list[AuthorizationServer]


@contextmanager
def lagging(directory: Path) -> Iterator[Setup]:
    with ExitStack() as stack:
        networks: list[SlowNetwork] = []

        def through(port: int) -> int:
            networks.append(stack.enter_context(slow_network(port, only_replicas=True)))
            return networks[0].port

        deployment = stack.enter_context(
            sentinel_running(directory, down_after_ms=1_000, replicas=2, sentinels=3, through=through)
        )
        wait_until(deployment.replica_follows)
        one = stack.enter_context(running(deployment.url))
        other = stack.enter_context(running(deployment.url, issuer=one.issuer))
        yield Setup(deployment, networks[0], [one, other])


def tokens_of(client: Client, count: int) -> list[str]:
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda _: client.token(grant_type="client_credentials").json(), range(count))
        return [answer["access_token"] for answer in answers]


def states(server: RedisServer, grant_ids: list[str]) -> list[str]:
    stored = [until_promoted(server, "GET", keys.grant(grant_id)) for grant_id in grant_ids]
    return [_grants.decode(value).state for value in stored if isinstance(value, bytes)]


def until_promoted(server: RedisServer, *command: str) -> object:
    """Repeat a command: a Sentinel that promotes a replica breaks the connections to it."""
    deadline = time.monotonic() + PROMOTION_S
    while True:
        try:
            return server.command(*command)
        except redis.ConnectionError:
            assert time.monotonic() < deadline
            time.sleep(0.01)  # until the server accepts connections again


def test_no_revoked_token_is_accepted_after_a_failover_to_a_replica_that_lags(tmp_path: Path) -> None:
    require("redis-server")
    with lagging(tmp_path) as setup:
        one, other = setup.servers
        client = one.register(**MACHINE)
        at_other = Client(other.origin, other.http, client.information)
        tokens = tokens_of(client, REVOCATIONS)
        grant_ids = [one.introspect(token)["grant_id"] for token in tokens]
        wait_until(lambda: len(states(setup.redis.replica, grant_ids)) == REVOCATIONS)
        setup.network.delay_s = LAG_S
        for number, token in enumerate(tokens):
            assert (client, at_other)[number % 2].revoke(token).status_code == 200
        setup.redis.primary.kill()
        lost = states(setup.redis.replica, grant_ids).count("active")
        assert lost > 0
        wait_until(lambda: all(server.get("/health").status_code == 200 for server in setup.servers))
        accepted = [token for token in tokens if one.is_active(token) or other.is_active(token)]
        with running(setup.redis.url, issuer=one.issuer) as unaware:
            wait_until(lambda: not any(map(unaware.is_active, tokens)))
        print(f"{REVOCATIONS} revocations, {lost} lost by the store, {len(accepted)} tokens accepted")  # noqa: T201
        assert accepted == []
        for server in setup.servers:
            only_outages(server)

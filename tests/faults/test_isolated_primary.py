"""A primary that is cut off from its replicas and the Sentinels, but not from an authorization server."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.auth_service.service import RESOURCE_SECRET, AuthorizationServer, running
from tests.faults.processes import auth_processes, reached
from tests.faults.slow_network import SlowNetwork
from tests.flow import Client
from tests.machine import require
from tests.servers import RedisServer, wait_until
from tests.storage.topologies import SERVICE, sentinel_running

pytestmark = [pytest.mark.long, pytest.mark.requirement("OP-3", "AS-16", "SEC-9")]

OUR_CONNECTIONS = b"doorward"
MOVED_WITHIN_S = 30


def named_port(sentinel: RedisServer) -> int:
    """The port of the primary that a Sentinel names."""
    answer = sentinel.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
    assert isinstance(answer, list | tuple)
    return int(answer[1])


def is_inactive(server: AuthorizationServer, token: str) -> bool:
    """Whether the server says that the token is inactive; while it changes primaries, it may not say."""
    response = server.http.post(
        f"{server.origin}/introspect", data={"token": token}, auth=("resource", RESOURCE_SECRET)
    )
    assert response.status_code in (200, 503), response.text
    return response.status_code == 200 and response.json()["active"] is False


def test_a_server_leaves_an_isolated_primary_and_refuses_what_was_revoked_meanwhile(tmp_path: Path) -> None:
    require("redis-server")
    networks: list[SlowNetwork] = []

    def through(port: int) -> int:
        networks.append(SlowNetwork(port))
        networks[0].start()
        return networks[0].port

    with sentinel_running(tmp_path, down_after_ms=1_000, replicas=2, sentinels=3, through=through) as redis:
        wait_until(redis.replica_follows)
        [network] = networks
        # A process of its own: it follows the store's clock, which those on the test's clock do not.
        with auth_processes(redis.url, tmp_path) as services, closing(reached(services)[0]) as isolated:
            client = isolated.register()
            tokens = isolated.connect(client)
            network.cut(spare=OUR_CONNECTIONS)
            wait_until(
                lambda: all(named_port(each) != network.port for each in redis.sentinels), timeout_s=30
            )
            with running(redis.url, issuer=isolated.issuer) as other:
                at_other = Client(other.origin, other.http, client.information)
                assert at_other.revoke(tokens["refresh_token"]).status_code == 200
                began = time.monotonic()
                wait_until(lambda: is_inactive(isolated, tokens["access_token"]), timeout_s=MOVED_WITHIN_S)
                sys.stdout.write(f"accepted for {time.monotonic() - began:.1f} s after the revocation\n")
                assert isolated.connect(client)
    network.stop()

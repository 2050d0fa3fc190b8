"""Connections and commands of one person are counted over four processes with one store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest

from tests.gateway.event_streams import EVENTS, Write
from tests.gateway.exchange import INITIALIZE, LISTEN, MESSAGE, chunked, error_code
from tests.gateway.upstreams import PATIENCE, forked_stdio
from tests.machine import require
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, running, token_for
from tests.servers import free_port, redis_running

pytestmark = [pytest.mark.long, pytest.mark.requirement("GW-5", "RS-16")]

PROCESSES, LIMIT = 4, 2


@pytest.fixture(scope="module")
def replicas(
    issuer: AuthorizationServer,
    scripted_upstream: AuthorizationServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[list[Service]]:
    """Processes of one service, each with a gateway to an upstream and one to a command."""
    require("redis-server")
    directory = tmp_path_factory.mktemp("common")
    mounts = {"/one": f"{scripted_upstream.url}/one", "/tools": forked_stdio("tests.gateway.servers.plain")}
    settings = {
        "resource": f"http://127.0.0.1:{free_port()}/mcp",
        "mounts": json.dumps(mounts),
        "upstream_connections_per_principal": str(LIMIT),
        "stdio_processes_per_principal": str(LIMIT),
    }
    with redis_running(directory / "redis", "--save", "") as redis, ExitStack() as stack:
        more = {"resource_store": f"{redis.url}/0", **settings, **PATIENCE}
        yield [stack.enter_context(running(issuer, directory, **more)) for _ in range(PROCESSES)]


@pytest.fixture
def clients(replicas: list[Service]) -> Iterator[list[httpx2.Client]]:
    """One client for each process, which reaches it under the name of the service."""
    headers = {"Host": replicas[0].resource.split("/")[2]}
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                httpx2.Client(base_url=service.origin, headers=headers, timeout=60, trust_env=False)
            )
            for service in replicas
        ]


def tokens(replicas: list[Service], issuer: AuthorizationServer, mount: str, subject: str) -> list[str]:
    """A token of each of several clients of one person."""
    audience = replicas[0].resource.replace("/mcp", mount)
    return [
        token_for(replicas[0], issuer, aud=audience, sub=subject, client_id=f"client-{number}")
        for number in range(PROCESSES)
    ]


def test_one_person_has_as_many_connections_as_the_limit_in_all_processes(
    replicas: list[Service],
    clients: list[httpx2.Client],
    scripted_upstream: AuthorizationServer,
    issuer: AuthorizationServer,
) -> None:
    async def busy(write: Write) -> None:
        while True:
            await write(b": busy\n\n")
            await asyncio.sleep(0.05)

    scripted_upstream.replies.clear()
    scripted_upstream.replies["/one"] = chunked(busy, EVENTS)
    mine, (yours, *_) = (tokens(replicas, issuer, "/one", subject) for subject in ("me", "you"))
    with ExitStack() as streams:
        for client, token in zip(clients[:LIMIT], mine, strict=False):
            response = streams.enter_context(client.stream("GET", "/one", headers=bearer(token) | LISTEN))
            assert response.status_code == 200
        with clients[LIMIT].stream("GET", "/one", headers=bearer(mine[LIMIT]) | LISTEN) as refused:
            assert refused.status_code == 503
            refused.read()
            assert error_code(refused) == "upstream_busy"
        with clients[LIMIT].stream("GET", "/one", headers=bearer(yours) | LISTEN) as response:
            assert response.status_code == 200


def test_one_person_has_as_many_commands_as_the_limit_and_an_unused_one_elsewhere_makes_room(
    replicas: list[Service], clients: list[httpx2.Client], issuer: AuthorizationServer
) -> None:
    mine = tokens(replicas, issuer, "/tools", "me")

    def begun(number: int) -> httpx2.Response:
        return clients[number].post("/tools", headers=bearer(mine[number]) | MESSAGE, json=INITIALIZE)

    with ExitStack() as streams:
        for number in range(LIMIT):
            session = {"Mcp-Session-Id": begun(number).headers["mcp-session-id"]}
            headers: dict[str, Any] = bearer(mine[number]) | MESSAGE | session | LISTEN
            streams.enter_context(clients[number].stream("GET", "/tools", headers=headers))
        refused = begun(LIMIT)
        assert (refused.status_code, error_code(refused)) == (503, "upstream_busy")
    assert begun(LIMIT).status_code == 200

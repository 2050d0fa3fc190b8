"""Many sessions that stream at the same time: none loses an event, hears another's, or costs memory for long.

A few for a few seconds; `make soak` has 200 for a minute.
"""

from __future__ import annotations

import json
import os
from typing import Any

import anyio
import httpx2
import pytest

from tests.gateway.exchange import INITIALIZE, LISTEN, MESSAGE, resident_bytes
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, token_for

SESSIONS = int(os.environ.get("DOORWARD_SOAK_SESSIONS", "20"))
LENGTH_S = float(os.environ.get("DOORWARD_SOAK_S", "3"))
EVERY_S = max(0.05, SESSIONS / 400)
"""Between two events of a session: the test server manages some hundreds a second in all."""

STDIO_SESSIONS = 6
MEMORY_BYTES_PER_SESSION = 512 * 1024
MEMORY_BYTES = 16 * 1024 * 1024

pytestmark = [pytest.mark.long, pytest.mark.anyio, pytest.mark.requirement("RS-8", "RS-9")]


async def session(client: httpx2.AsyncClient, token: str, name: str, events: int) -> list[int]:
    """Open a session, listen to it, and have it count; the numbers that arrived."""
    hello = await client.post("/mcp", headers=bearer(token) | MESSAGE, json=INITIALIZE)
    named = bearer(token) | {"Mcp-Session-Id": hello.headers["mcp-session-id"]}
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    await client.post("/mcp", headers=named | MESSAGE, json=ready)
    async with client.stream("GET", "/mcp", headers=named | LISTEN) as standing:
        assert standing.status_code == 200
        numbers = await counted(client, named, name, events)
    assert (await client.delete("/mcp", headers=named)).is_success
    return numbers


async def counted(client: httpx2.AsyncClient, named: dict[str, str], name: str, events: int) -> list[int]:
    arguments = {"to": events, "every_s": EVERY_S, "mark": name}
    params = {"name": "count", "arguments": arguments, "_meta": {"progressToken": 1}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    numbers = []
    async with client.stream("POST", "/mcp", headers=named | MESSAGE, json=call) as response:
        async for line in response.aiter_lines():
            if not line.startswith("data: {"):
                continue
            message: dict[str, Any] = json.loads(line.removeprefix("data: "))
            if "result" in message:
                assert f"counted to {events} {name}" in str(message)
                break
            assert message["params"]["message"] == name
            numbers.append(int(message["params"]["progress"]))
    return numbers


async def soak(service: Service, issuer: AuthorizationServer, sessions: int) -> int:
    """Run them all. Returns the most memory that the service held meanwhile."""
    events = round(LENGTH_S / EVERY_S)
    tokens = {f"user {n}": token_for(service, issuer, sub=f"user {n}") for n in range(sessions)}
    arrived: dict[str, list[int]] = {}
    most = 0

    async def one(name: str) -> None:
        arrived[name] = await session(client, tokens[name], name, events)

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, resident_bytes(service))
            await anyio.sleep(0.2)

    limits = httpx2.Limits(max_connections=None)
    async with (
        httpx2.AsyncClient(base_url=service.origin, timeout=120, limits=limits, trust_env=False) as client,
        anyio.create_task_group() as watching,
    ):
        watching.start_soon(watch)
        async with anyio.create_task_group() as tasks:
            for name in tokens:
                tasks.start_soon(one, name)
        watching.cancel_scope.cancel()
    assert arrived == {name: list(range(1, events + 1)) for name in tokens}
    return most


async def test_no_event_is_lost_or_strays_and_memory_is_bounded_over_http(
    plain: Service, issuer: AuthorizationServer
) -> None:
    await soak(plain, issuer, 2)  # what is loaded on first use is not to be counted
    before = resident_bytes(plain)
    most = await soak(plain, issuer, SESSIONS)
    assert most - before < MEMORY_BYTES + SESSIONS * MEMORY_BYTES_PER_SESSION


async def test_no_event_is_lost_or_strays_over_stdio(
    plain_stdio: Service, issuer: AuthorizationServer
) -> None:
    await soak(plain_stdio, issuer, STDIO_SESSIONS)

"""Commands on a host whose clock is wrong date and judge by the store's clock, as the services do."""

from __future__ import annotations

import json
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from auth_service.clients.repository import ClientRepository
from auth_service.protocol.client import Client
from shared.storage import open_store
from tests.cli.command import doorward
from tests.machine import require
from tests.servers import redis_running

pytestmark = [pytest.mark.requirement("AS-13"), pytest.mark.anyio]

BEHIND_S = -300
TOLERATED_S = 60


async def clients_in(url: str) -> list[Client]:
    async with AsyncExitStack() as stack:
        store = open_store(url)
        stack.push_async_callback(store.aclose)
        return await ClientRepository(store, time.time).list()


async def test_what_a_command_writes_is_dated_by_the_stores_clock(tmp_path: Path) -> None:
    require("redis-server")
    with redis_running(tmp_path / "redis") as redis:
        settings = {"DOORWARD_STORE": redis.url, "TEST_CLOCK_SHIFT_S": str(BEHIND_S)}
        redirect = "https://app.example/callback"
        added = doorward("clients", "add", "App", "--redirect-uri", redirect, cwd=tmp_path, **settings)
        listed = doorward("clients", "list", "--json", cwd=tmp_path, **settings)
        clients = await clients_in(redis.url)
    assert added.returncode == 0, added.stderr
    assert [client.client_id for client in clients] == [one["client_id"] for one in json.loads(listed.stdout)]
    assert abs(clients[0].created_at - time.time()) < TOLERATED_S
    assert "the clocks of this host and of the store differ" in listed.stderr

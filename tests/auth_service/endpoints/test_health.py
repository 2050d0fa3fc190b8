"""`/live` asks nobody; `/ready` asks the store, but not for each probe."""

from __future__ import annotations

import asyncio

import pytest

from auth_service.endpoints.health import CHECK_EVERY_S, Readiness
from shared.storage import StoreUnavailableError
from tests.auth_service.service import AuthorizationServer, running
from tests.machine import require
from tests.servers import redis_running


class CountingStore:
    """A store that counts checks, and fails while `down`."""

    def __init__(self) -> None:
        self.checks = 0
        self.down = False

    async def ping(self) -> None:
        self.checks += 1
        await asyncio.sleep(0)
        if self.down:
            raise StoreUnavailableError("down")


@pytest.mark.anyio
async def test_one_check_answers_all_probes_of_a_second() -> None:
    store, now = CountingStore(), [0.0]
    readiness = Readiness(store, lambda: now[0])  # type: ignore[arg-type]
    await asyncio.gather(*(readiness.check() for _ in range(100)))
    now[0] += CHECK_EVERY_S / 2
    await readiness.check()
    assert store.checks == 1
    now[0] += CHECK_EVERY_S
    store.down = True
    for _ in range(3):
        with pytest.raises(StoreUnavailableError):
            await readiness.check()
    store.down = False
    await readiness.check()


def test_a_process_without_its_store_is_alive_but_not_ready(tmp_path_factory: pytest.TempPathFactory) -> None:
    require("redis-server")
    with redis_running(tmp_path_factory.mktemp("redis")) as redis, running(redis.url) as server:
        assert [server.get(path).status_code for path in ("/live", "/ready", "/health")] == [200, 200, 200]
        redis.kill()
        assert [server.get("/live").json() for _ in range(3)] == [{"status": "ok"}] * 3
        wait_for_refusal(server)
        server.failures.clear()


def test_warnings_about_the_store_are_in_ready_and_do_not_make_it_unready(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    require("redis-server")
    directory = tmp_path_factory.mktemp("careless")
    careless = ("--save", "", "--appendonly", "no")
    with redis_running(directory, *careless) as redis, running(redis.url) as server:
        answer = server.get("/ready")
        assert answer.status_code == 200
        assert any("appendonly" in warning for warning in answer.json()["warnings"])
        assert str(redis.port) not in answer.text


def wait_for_refusal(server: AuthorizationServer) -> None:
    """Ask until the last check has been forgotten."""
    while server.get("/ready").status_code == 200:
        pass
    refused = server.get("/health")
    assert refused.status_code == 503
    assert refused.headers["retry-after"]

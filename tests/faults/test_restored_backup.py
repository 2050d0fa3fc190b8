"""A Redis that comes back as of an earlier time: clients go on, and nothing is revived or widened."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.auth_service.service import AuthorizationServer, running
from tests.faults.ledger import only_outages
from tests.machine import require
from tests.servers import RedisServer, redis_running, wait_until

pytestmark = pytest.mark.requirement("AS-13", "SEC-7")

CLIENTS = 4


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    require("redis-server")
    with redis_running(
        tmp_path_factory.mktemp("redis") / "data", "--save", "", "--appendonly", "no"
    ) as server:
        yield server


@pytest.fixture(scope="module")
def server(redis: RedisServer) -> Iterator[AuthorizationServer]:
    with running(redis.url) as server:
        yield server


def back_up(redis: RedisServer) -> Path:
    redis.command("SAVE")
    return Path(shutil.copy(redis.directory / "dump.rdb", redis.directory / "backup.rdb"))


def restore(redis: RedisServer, backup: Path, server: AuthorizationServer) -> None:
    redis.kill()
    shutil.copy(backup, redis.directory / "dump.rdb")
    redis.start()
    wait_until(lambda: server.get("/health").status_code == 200)
    only_outages(server)


def test_clients_that_refreshed_since_the_backup_go_on(
    redis: RedisServer, server: AuthorizationServer
) -> None:
    clients = [server.register() for _ in range(CLIENTS)]
    tokens = [server.connect(client) for client in clients]
    first, backup = list(tokens), back_up(redis)
    for _ in range(3):
        tokens = [
            client.refresh(token["refresh_token"]).json()
            for client, token in zip(clients, tokens, strict=True)
        ]
    restore(redis, backup, server)
    for client, token in zip(clients, tokens, strict=True):
        assert server.is_active(token["access_token"])
        again = client.refresh(token["refresh_token"])
        assert again.status_code == 200, again.text
        assert server.is_active(again.json()["access_token"])
    # What was used before the backup is reuse, and ends the grant.
    assert clients[0].refresh(first[0]["refresh_token"]).json()["error"] == "invalid_grant"
    assert not server.is_active(tokens[0]["access_token"])
    assert server.is_active(tokens[1]["access_token"])


def test_a_token_shown_to_a_resource_server_makes_older_ones_reuse(
    redis: RedisServer, server: AuthorizationServer
) -> None:
    client = server.register()
    first = server.connect(client)
    backup = back_up(redis)
    second = client.refresh(first["refresh_token"]).json()
    restore(redis, backup, server)
    grant_id = server.introspect(second["access_token"])["grant_id"]
    wait_until(lambda: server.grant(grant_id).generation == 2)
    server.confirm(second["access_token"])
    server.clock.advance(61)
    assert client.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_narrowed_token_whose_scope_was_lost_is_not_active(
    redis: RedisServer, server: AuthorizationServer
) -> None:
    client = server.register()
    first = server.connect(client, scope="notes:read notes:write")
    backup = back_up(redis)
    narrow = client.refresh(first["refresh_token"], scope="notes:read").json()
    assert server.introspect(narrow["access_token"])["scope"] == "notes:read"
    restore(redis, backup, server)
    assert not server.is_active(narrow["access_token"])
    wide = client.refresh(narrow["refresh_token"]).json()
    assert server.is_active(wide["access_token"])
    assert not server.is_active(narrow["access_token"])


def test_a_grant_that_is_gone_is_not_revived(redis: RedisServer, server: AuthorizationServer) -> None:
    client = server.register()
    backup = back_up(redis)
    tokens = server.connect(client)
    restore(redis, backup, server)
    assert not server.is_active(tokens["access_token"])
    assert client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"

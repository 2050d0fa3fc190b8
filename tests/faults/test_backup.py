"""A backup under load, restored elsewhere: clients go on, and what was revoked since stays revoked (OP-4)."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from auth_service.protocol.access import DEMO_USERNAME
from auth_service.users.repository import User
from shared.storage import Store
from shared.storage.entries import StoredDocument
from tests.auth_service.service import AuthorizationServer, nobodys, running
from tests.cli.command import DOORWARD, doorward, python_environment
from tests.flow import Client
from tests.machine import require
from tests.servers import RedisServer, redis_running, wait_until

pytestmark = pytest.mark.requirement("OP-4", "AS-13")

PUBLIC = "age13aqvttdk3ujkyjh9kg2w5an6dmy5mq5a84a4uxk3hfhnugfc9p0sy5p2wh"
PRIVATE = "AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0SWRYDWG"
PASSWORD = "seven moss harbours"
STEADY = 4
MANY = 10_000

Tokens = dict[str, Any]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    require("redis-server")
    with redis_running(tmp_path_factory.mktemp("redis") / "data") as server:
        yield server


@pytest.fixture
def key(tmp_path: Path) -> str:
    file = tmp_path / "identity"
    file.write_text(PRIVATE)
    return str(file)


@contextmanager
def refreshing(client: Client, tokens: list[Tokens]) -> Iterator[None]:
    """Refresh without a pause, for the length of the context."""
    ended = threading.Event()

    def refresh() -> None:
        while not ended.is_set():
            tokens.append(client.refresh(tokens[-1]["refresh_token"]).json())

    thread = threading.Thread(target=refresh)
    thread.start()
    try:
        wait_until(lambda: len(tokens) > 2)
        yield
        count = len(tokens)
        wait_until(lambda: len(tokens) > count + 2)
    finally:
        ended.set()
        thread.join()


def test_clients_go_on_after_a_restore_and_what_was_revoked_since_stays_revoked(
    redis: RedisServer, tmp_path: Path, key: str
) -> None:
    redis.empty()
    log = f"file://{tmp_path}/log"
    file = str(tmp_path / "x.age")
    with ExitStack() as stack:
        server = stack.enter_context(running(f"sqlite:///{tmp_path}/old.db", revocation_log=log))
        steady = [server.register() for _ in range(STEADY)]
        tokens = [server.connect(client) for client in steady]
        revoked, deleted = server.register(), server.register()
        revoked_tokens, deleted_tokens = server.connect(revoked), server.connect(deleted)
        eve = stack.enter_context(closing(server.add_user(nobodys("eve"), PASSWORD)))
        eve_tokens = server.register().connect(eve)
        ada = stack.enter_context(closing(server.add_user(nobodys("ada"), PASSWORD)))
        ada_client = server.register()
        ada_tokens = ada_client.connect(ada)

        busy_tokens = [tokens[0]]
        with refreshing(steady[0], busy_tokens):
            done = doorward(
                "backup", file, "--recipient", PUBLIC, cwd=tmp_path, DOORWARD_STORE=server.store_url
            )
        assert done.returncode == 0, done.stderr
        tokens[0] = busy_tokens[-1]
        for number in range(1, STEADY):
            tokens[number] = steady[number].refresh(tokens[number]["refresh_token"]).json()

        revoked.revoke(revoked_tokens["refresh_token"])
        operator(server, log, "users", "disable", eve.username, cwd=tmp_path)
        operator(server, log, "users", "delete", ada.username, "--yes", cwd=tmp_path)
        operator(server, log, "clients", "remove", deleted.client_id, "--yes", cwd=tmp_path)
        content = Path(file).read_bytes()
        for secret in (DEMO_USERNAME, eve.username, ada.username, steady[0].client_id):
            assert secret.encode() not in content

    done = doorward(
        *("restore", file, "--identity", key),
        cwd=tmp_path,
        DOORWARD_STORE=redis.url,
        DOORWARD_REVOCATION_LOG=log,
    )
    assert done.returncode == 0, done.stderr
    port = urlsplit(server.origin).port
    assert port
    with running(redis.url, port=port, revocation_log=log) as restored:
        for client, token in zip(at(restored, *steady), tokens, strict=True):
            assert restored.is_active(token["access_token"])
            again = client.refresh(token["refresh_token"])
            assert again.status_code == 200, again.text
            assert restored.is_active(again.json()["access_token"])
        for ended in (revoked_tokens, deleted_tokens, eve_tokens, ada_tokens):
            assert not restored.is_active(ended["access_token"])
        revoked, deleted = at(restored, revoked, deleted)
        assert revoked.refresh(revoked_tokens["refresh_token"]).json()["error"] == "invalid_grant"
        assert deleted.refresh(deleted_tokens["refresh_token"]).json()["error"] == "invalid_client"
        assert restored.with_account(eve.username, disabled)
        assert restored.with_account(ada.username, disabled)


def at(server: AuthorizationServer, *clients: Client) -> list[Client]:
    """The same clients, with a connection to this server."""
    return [Client(server.issuer, server.http, client.information) for client in clients]


def operator(server: AuthorizationServer, log: str, *command: str, cwd: Path) -> None:
    done = doorward(*command, cwd=cwd, DOORWARD_STORE=server.store_url, DOORWARD_REVOCATION_LOG=log)
    assert done.returncode == 0, done.stderr


async def disabled(_: object, user: User) -> bool:
    return user.disabled


def test_a_restore_that_was_killed_is_repeated(redis: RedisServer, tmp_path: Path, key: str) -> None:
    redis.empty()
    with running(f"sqlite:///{tmp_path}/old.db") as server:
        client = server.register()
        tokens = server.connect(client)

        async def fill(store: Store) -> None:
            documents = [StoredDocument(f"doorward:once:x:{i}", b"", None) for i in range(MANY)]
            await store.entries().write(documents)

        server.with_store(fill)
        file = str(tmp_path / "x.age")
        done = doorward("backup", file, "--recipient", PUBLIC, cwd=tmp_path, DOORWARD_STORE=server.store_url)
        assert done.returncode == 0, done.stderr

    arguments = ["restore", file, "--identity", key]
    process = subprocess.Popen(
        [*DOORWARD, *arguments],
        env=python_environment(DOORWARD_STORE=redis.url),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: size(redis) > 500, timeout_s=60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 500 < size(redis) < MANY
    assert redis.command("EXISTS", "doorward:restoration") == 1
    done = doorward(*arguments, cwd=tmp_path, DOORWARD_STORE=redis.url)
    assert done.returncode == 0, done.stderr
    assert size(redis) > MANY
    port = urlsplit(server.origin).port
    assert port
    with running(redis.url, port=port) as restored:
        assert restored.is_active(tokens["access_token"])
        [client] = at(restored, client)
        assert client.refresh(tokens["refresh_token"]).status_code == 200


def size(redis: RedisServer) -> int:
    count = redis.command("DBSIZE")
    assert isinstance(count, int)
    return count

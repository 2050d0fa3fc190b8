"""`doorward resource --workers 2`, for clients of either revision."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from tests.cli.command import python_environment
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import SECRET, bearer, call, modern_headers
from tests.servers import free_port, is_healthy, wait_until

pytestmark = pytest.mark.long

LEGACY = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "Mcp-Protocol-Version": "2025-11-25",
}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@contextmanager
def two_workers(issuer: AuthorizationServer, directory: Path) -> Iterator[tuple[str, int]]:
    """The built-in server with two workers: its origin, and the id of their parent."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    settings = {
        "DOORWARD_RESOURCE": f"{origin}/mcp",
        "DOORWARD_ISSUER": issuer.url,
        "DOORWARD_RESOURCE_SECRET": SECRET,
        "DOORWARD_NOTES": f"sqlite:///{directory}/notes.sqlite3",
    }
    command = [sys.executable, "-P", "-m", "shared.cli", "resource", "--port", str(port), "--workers", "2"]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env=python_environment(TMPDIR=str(directory), **settings), stdout=log, stderr=log
        )
    try:
        wait_until(lambda: is_healthy(origin) or process.poll() is not None, timeout_s=120)
        assert process.poll() is None, (directory / "log").read_text()
        yield origin, process.pid
    finally:
        process.terminate()
        process.wait(30)
    assert not list(directory.glob("doorward-workers-*"))


def workers_of(parent: int) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def token_for(origin: str, issuer: AuthorizationServer) -> str:
    """Let `issuer` know a token."""
    issuer.tokens["token-of-workers"] = {
        "active": True,
        "scope": "notes:read",
        "client_id": "client-1",
        "username": "wesen",
        "sub": "user-1",
        "iss": issuer.url,
        "aud": f"{origin}/mcp",
        "exp": int(time.time()) + 600,
        "token_type": "Bearer",
    }
    return "token-of-workers"


def opened(client: httpx2.Client, token: str) -> str:
    """Open a session; its id."""
    response = client.post("/mcp", headers=bearer(token) | LEGACY, json=INITIALIZE)
    assert response.status_code == 200, response.text
    session: str = response.headers["mcp-session-id"]
    ready = client.post("/mcp", headers=bearer(token) | LEGACY | {"Mcp-Session-Id": session}, json=READY)
    assert ready.status_code == 202
    return session


def ping(client: httpx2.Client, token: str, session: str) -> int:
    headers = bearer(token) | LEGACY | {"Mcp-Session-Id": session}
    return client.post("/mcp", headers=headers, json=PING).status_code


@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
@pytest.mark.requirement("RS-10")
def test_a_session_is_served_by_any_worker_until_its_own_ends(
    issuer: AuthorizationServer, tmp_path: Path
) -> None:
    with two_workers(issuer, tmp_path) as (origin, parent), ExitStack() as stack:
        token = token_for(origin, issuer)
        clients: dict[str, tuple[httpx2.Client, str]] = {}

        def reaches_both() -> bool:
            client = stack.enter_context(httpx2.Client(base_url=origin, timeout=30, trust_env=False))
            session = opened(client, token)
            clients.setdefault(session.partition("-")[0], (client, session))
            return len(clients) == 2

        wait_until(reaches_both)
        assert (tmp_path / "log").read_text().count("remembers spent DPoP proofs on its own") >= 2
        (first, first_session), (second, second_session) = clients.values()
        for client in (first, second):
            assert [ping(client, token, session) for session in (first_session, second_session)] == [200, 200]
            tool = client.post("/mcp", headers=bearer(token) | modern_headers("whoami"), json=call("whoami"))
            assert tool.status_code == 200
            assert ping(client, "unknown", first_session) == 401

        os.kill(min(workers_of(parent)), signal.SIGKILL)
        with ExitStack() as later:

            def statuses() -> list[int]:
                client = later.enter_context(httpx2.Client(base_url=origin, timeout=30, trust_env=False))
                with suppress(httpx2.TransportError):
                    return [ping(client, token, session) for session in (first_session, second_session)]
                return []

            wait_until(lambda: sorted(statuses()) == [200, 404])
            wait_until(lambda: len(workers_of(parent)) == 2 and is_healthy(origin))
            client = later.enter_context(httpx2.Client(base_url=origin, timeout=30, trust_env=False))
            assert ping(client, token, opened(client, token)) == 200

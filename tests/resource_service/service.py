"""The resource service as a process of its own, as in production, and clients to talk to it."""

from __future__ import annotations

import itertools
import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.command import python_environment
from tests.forking.process import Process, start
from tests.resource_service.authorization_server import AuthorizationServer
from tests.servers import free_port, is_healthy, wait_until

SECRET = "the-secret-of-the-resource-server-0123456789"
GRACE_S = 3
START_TIMEOUT_S = 60

_NUMBERS = itertools.count()


@dataclass
class Service:
    """A running resource service.

    Attributes:
        origin: where it listens.
        log_file: what it logs, a JSON object a line.
    """

    origin: str
    resource: str
    log_file: Path
    process: Process

    def log(self, request_id: str) -> list[dict[str, Any]]:
        """The log lines of one request, but for the one that every request has."""
        lines = (line for line in self.log_lines() if line.get("request_id") == request_id)
        return [line for line in lines if line["event"] != "request"]

    def log_lines(self) -> list[dict[str, Any]]:
        """Every log line so far."""
        return [json.loads(line) for line in self.log_file.read_text().splitlines()]

    def stop(self) -> int:
        """Ask it to stop, and wait for it. Returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(GRACE_S + 10)


@contextmanager
def running(
    server: AuthorizationServer, directory: Path, *, port: str | None = None, **settings: str
) -> Iterator[Service]:
    """A resource service that asks `server`, for the length of the context.

    Args:
        port: where it listens; a free one by default.
        settings: environment variables, without their prefix; they win over the usual ones.
    """
    port = port or str(free_port())
    origin = f"http://127.0.0.1:{port}"
    usual = {
        "resource": f"{origin}/mcp",
        "issuer": server.url,
        "resource_secret": SECRET,
        "log_format": "json",
        "pin": "off",  # servers of tests rarely list what they run; those of pins turn it on
    }
    environment = {f"DOORWARD_{name.upper()}": value for name, value in {**usual, **settings}.items()}
    log_file = directory / f"resource-{port}.log"
    arguments = ["--factory", "--port", port]
    arguments += ["--timeout-graceful-shutdown", str(GRACE_S), "--no-access-log", "--no-proxy-headers"]
    arguments += ["resource_service.main:create_app_from_environment"]
    with log_file.open("wb") as log:
        process = start(
            "uvicorn", *arguments, environment=python_environment(**environment), output=log, strict=True
        )
    try:
        wait_until(lambda: is_healthy(origin) or process.poll() is not None, timeout_s=START_TIMEOUT_S)
        assert process.poll() is None, log_file.read_text()
        yield Service(origin, environment["DOORWARD_RESOURCE"], log_file, process)
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in log_file.read_text(), log_file.read_text()


def token_for(service: Service, issuer: AuthorizationServer, **members: object) -> str:
    """Let `issuer` know a token for `service`; None takes a member of the answer away.

    Returns:
        the token, different for different answers.
    """
    usual = {
        "active": True,
        "scope": "notes:read notes:write",
        "client_id": "client-1",
        "username": "wesen",
        "sub": "user-1",
        "iss": issuer.url,
        "aud": service.resource,
        "exp": int(time.time()) + 600,
        "token_type": "Bearer",
    }
    token = f"token-{next(_NUMBERS)}"
    answer = {name: value for name, value in {**usual, **members}.items() if value is not None}
    issuer.tokens[token] = answer
    return token


def bearer(token: str) -> dict[str, str]:
    """The headers that show `token`."""
    return {"Authorization": f"Bearer {token}"}


def call(tool: str, **arguments: object) -> dict[str, Any]:
    """A tool call as revision 2026-07-28 sends it."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": tool, "arguments": arguments, "_meta": meta}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def modern_headers(tool: str) -> dict[str, str]:
    """The headers that belong to `call`."""
    return {
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
        "Mcp-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": tool,
    }

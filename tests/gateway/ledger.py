"""A gateway with a policy in front of a server that writes down whatever it does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.gateway.exchange import INITIALIZE, MESSAGE
from tests.gateway.upstreams import forked_stdio, gateway, python_upstream
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, token_for

MODULE = "tests.gateway.servers.ledger"
POLICY = """\
scopes:
  notes:read: Read your notes
  notes:write: {description: Add notes for you, includes: notes:read}
  notes:admin: {description: Delete your notes, includes: notes:write}
default: notes:admin
tools:
  list_*: notes:read
  add_note: notes:write
prompts:
  summary: notes:read
resources:
  notes://*: notes:read
"""


@dataclass
class Ledger:
    """The gateway, and what has been done behind it."""

    service: Service
    issuer: AuthorizationServer
    file: Path
    policy: Path

    @property
    def done(self) -> list[str]:
        """Everything that the server has done so far."""
        return self.file.read_text().splitlines() if self.file.exists() else []

    def token(self, scope: str, **members: object) -> str:
        """A token with these scopes."""
        return token_for(self.service, self.issuer, scope=scope, **members)

    @contextmanager
    def client(self, token: str) -> Iterator[httpx2.Client]:
        """A plain HTTP client in a session of 2025-11-25."""
        with httpx2.Client(base_url=self.service.origin, timeout=60, trust_env=False) as client:
            client.headers.update(bearer(token) | MESSAGE)
            opened = client.post("/mcp", json=INITIALIZE)
            client.headers["Mcp-Session-Id"] = opened.headers["mcp-session-id"]
            client.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"})
            yield client


@contextmanager
def ledger(
    issuer: AuthorizationServer, directory: Path, transport: str, policy: str = POLICY
) -> Iterator[Ledger]:
    """The server over ``http`` or ``stdio``, behind the gateway with `policy`."""
    file, policy_file = directory / "ledger", directory / "policy.yaml"
    policy_file.write_text(policy)
    settings = {"policy": str(policy_file)}
    if transport == "stdio":
        command = forked_stdio(MODULE, str(file))
        with gateway(issuer, directory, command, **settings) as service:
            yield Ledger(service, issuer, file, policy_file)
        return
    with (
        python_upstream(MODULE, directory, arguments=(str(file),)) as upstream,
        gateway(issuer, directory, upstream.url, **settings) as service,
    ):
        yield Ledger(service, issuer, file, policy_file)


def request(method: str, request_id: int = 1, **params: Any) -> dict[str, Any]:
    """A JSON-RPC request."""
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}


def answer_in(response: httpx2.Response) -> dict[str, Any]:
    """The message of an answer that came as JSON or as events."""
    if response.headers["content-type"].startswith("application/json"):
        message: dict[str, Any] = response.json()
        return message
    data = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    message = json.loads([line for line in data if line][-1])
    assert isinstance(message, dict)
    return message

"""The examples of docs/how-to/verifiers.md as separate processes, with a real authorization server."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.auth_service.service import machine
from tests.cli.command import python_environment
from tests.e2e.services import NO_BRAKES, Service, start
from tests.flow import Client, Person
from tests.gateway.outside.install import fastmcp_python
from tests.servers import free_port, wait_until

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
SCOPES = {"notes:read": "Read your notes", "notes:write": "Add notes for you"}


@dataclass
class Protected:
    """An example that runs, and the authorization server that it asks.

    Attributes:
        url: the MCP endpoint, as people paste it.
        other_url: another resource that the same resource server may ask about.
    """

    auth: Service
    url: str
    other_url: str
    log_file: Path
    process: subprocess.Popen[bytes]
    http: httpx2.Client = field(default_factory=machine)

    @property
    def origin(self) -> str:
        return self.url.removesuffix("/mcp")

    @property
    def issuer(self) -> str:
        return self.auth.url

    def client(self, **metadata: Any) -> Client:
        """A new client of the authorization server."""
        return Client.register(self.issuer, self.http, **metadata)

    def token(self, person: Person, scope: str = "notes:read notes:write", resource: str = "") -> str:
        """An access token that `person` has agreed to."""
        tokens = self.client().connect(person, scope=scope, resource=resource or self.url)
        return str(tokens["access_token"])

    def post(self, message: dict[str, Any], token: str | None, **headers: str) -> httpx2.Response:
        """Send one message to the MCP endpoint."""
        credentials = {"Authorization": f"Bearer {token}"} if token else {}
        accept = {"Accept": "application/json, text/event-stream"}
        return self.http.post(self.url, json=message, headers={**accept, **credentials, **headers})

    def refusals(self, request_id: str) -> list[dict[str, Any]]:
        """The lines that the log has of a refused request."""
        lines = [line for line in self.log_file.read_text().splitlines() if request_id in line]
        return [json.loads(line) for line in lines]


def python_of(example: str) -> str:
    """The Python that an example needs: FastMCP is not one of our dependencies."""
    return fastmcp_python() if "fastmcp" in example else sys.executable


@contextmanager
def protected(example: str, directory: Path) -> Iterator[Protected]:
    """The example of that name, ready, for the length of the context; it must end in good order."""
    port, secret = free_port(), secrets.token_urlsafe(32)
    url = f"http://127.0.0.1:{port}/mcp"
    other_url = f"http://127.0.0.1:{port}/other"
    auth = _authorization_server(directory, secret, url, other_url)
    log_file = directory / "example.log"
    settings = {
        "DOORWARD_RESOURCE": url,
        "DOORWARD_ISSUER": auth.url,
        "DOORWARD_RESOURCE_SECRET": secret,
        "DOORWARD_LOG_FORMAT": "json",
        "PORT": str(port),
        "FASTMCP_CHECK_FOR_UPDATES": "off",
    }
    try:
        start([auth])
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                [python_of(example), str(EXAMPLES / example)],
                env=python_environment(**settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(lambda: _answers(url) or process.poll() is not None, timeout_s=60)
            assert process.poll() is None, log_file.read_text()
            with machine() as http:
                yield Protected(auth, url, other_url, log_file, process, http)
            process.terminate()
            process.wait(timeout=30)
        finally:
            process.kill()
            process.wait()
    finally:
        auth.kill()
    log_text = log_file.read_text()
    assert "Application shutdown complete" in log_text, log_text
    assert "Traceback" not in log_text, log_text


def _authorization_server(directory: Path, secret: str, url: str, other_url: str) -> Service:
    port = free_port()
    resources = [{"resource": each, "name": "Example", "scopes": SCOPES} for each in (url, other_url)]
    settings = {
        **NO_BRAKES,
        "DOORWARD_ISSUER": f"http://127.0.0.1:{port}",
        "DOORWARD_STORE": f"sqlite:///{directory}/auth.sqlite3",
        "DOORWARD_MASTER_KEYS": f"1:{urlsafe_b64encode(secrets.token_bytes(32)).decode()}",
        "DOORWARD_RESOURCE_SERVERS": json.dumps(
            [{"id": "resource", "secret": secret, "resources": resources}]
        ),
        "DOORWARD_DEMO_USER": "true",
        "DOORWARD_LOG_FORMAT": "json",
    }
    return Service("auth", port, settings, directory / "auth.log")


def _answers(url: str) -> bool:
    with suppress(httpx2.TransportError):
        return httpx2.get(url, trust_env=False).status_code == 401
    return False

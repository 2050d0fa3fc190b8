"""Both services with two MCP servers behind one URL, and a person who disconnects them one by one."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.cli.command import doorward
from tests.e2e.services import Deployment, deployed
from tests.flow import Person
from tests.gateway.upstreams import python_upstream
from tests.servers import free_port, redis_running

MOUNTS = ("one", "two")
NOTEBOOK = "tests.gateway.servers.notebook"


@dataclass
class Joined:
    """A deployment that joins two notebooks, each an MCP server of its own."""

    deployment: Deployment
    secret: str
    http: httpx2.Client

    @property
    def url(self) -> str:
        """The joined URL."""
        return self.deployment.mcp_url

    def mount_url(self, mount: str) -> str:
        """The URL of a mount's own resource."""
        return f"{self.url.removesuffix('/mcp')}/{mount}"

    def scopes(self, access_token: str) -> list[str]:
        """The scopes that a token has."""
        return str(self._introspected(access_token).get("scope", "")).split()

    def grant_id(self, access_token: str) -> str:
        """The grant of a token."""
        return str(self._introspected(access_token)["grant_id"])

    def confirmation(self, person: Person, access_token: str, mount: str) -> httpx2.Response:
        """The page that asks whether a mount is to be disconnected."""
        query = f"action=disconnect_mount&grant_id={self.grant_id(access_token)}&mount={mount}"
        page = person.open(f"{self.deployment.issuer}/account?{query}")
        if "password" in page.text and "disconnect_mount" not in page.text:
            person.log_in(page)
            page = person.open(f"{self.deployment.issuer}/account?{query}")
        return page

    def command(self, *words: str, directory: Path) -> None:
        """Run a command of the operator."""
        done = doorward(*words, cwd=directory, **self.deployment.auth[0].settings)
        assert done.returncode == 0, done.stderr

    def _introspected(self, token: str) -> dict[str, object]:
        answer = self.http.post(
            f"{self.deployment.issuer}/introspect",
            data={"token": token},
            auth=httpx2.BasicAuth("resource", self.secret),
        )
        document: dict[str, object] = answer.raise_for_status().json()
        return document


@contextmanager
def joined_on(store: str, directory: Path) -> Iterator[Joined]:
    """A deployment on SQLite, or two authorization servers on Redis, for the length of the context."""
    port, secret = free_port(), secrets.token_hex(32)
    origin = f"http://127.0.0.1:{port}"
    own = [{"resource": f"{origin}/{mount}", "name": f"Notebook {mount}"} for mount in MOUNTS]
    resource = {
        "resource": f"{origin}/mcp",
        "name": "Notebooks",
        "scopes": {mount: f"Use the notebook {mount}" for mount in MOUNTS},
        "joins": {mount: f"{origin}/{mount}" for mount in MOUNTS},
    }
    servers = [{"id": "resource", "secret": secret, "resources": [resource, *own]}]
    with ExitStack() as stack:
        url = f"sqlite:///{directory}/auth.sqlite3"
        if store == "redis":
            url = stack.enter_context(redis_running(directory / "redis")).url
        upstreams = {
            f"/{mount}": stack.enter_context(python_upstream(NOTEBOOK, directory, arguments=[mount])).url
            for mount in MOUNTS
        }
        deployment = stack.enter_context(
            deployed(
                url,
                directory,
                replicas=2 if store == "redis" else 1,
                resource_port=port,
                settings={"DOORWARD_RESOURCE_SERVERS": json.dumps(servers)},
                resource_settings={
                    "DOORWARD_RESOURCE_SECRET": secret,
                    "DOORWARD_MOUNTS": json.dumps(upstreams),
                    "DOORWARD_JOIN": "true",
                    "DOORWARD_INTROSPECTION_CACHE_S": "300",
                    "DOORWARD_PIN": "off",
                },
            )
        )
        http = stack.enter_context(httpx2.Client(timeout=60, trust_env=False))
        yield Joined(deployment, secret, http)

"""Both services as processes of their own, several of each where a test wants replicas."""

from __future__ import annotations

import json
import secrets
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal

import httpx2

from shared.cli.installation import RESOURCE_SERVER_ID, resource_servers
from tests.cli.command import MODULE, python_environment
from tests.forking.process import Process
from tests.forking.process import start as start_process
from tests.servers import free_port, is_healthy, wait_until

NO_BRAKES = {
    "DOORWARD_REGISTRATIONS_PER_MINUTE": "1000000",
    "DOORWARD_REGISTRATIONS_PER_HOUR": "1000000",
    "DOORWARD_AUTHORIZATIONS_PER_MINUTE": "1000000",
}
NOTHING: Mapping[str, str] = {}
GRACE_S = 2
START_TIMEOUT_S = 60


@dataclass
class Service:
    """One process of one service, on a port that outlives its crashes.

    Attributes:
        cheap_hashes: whether it hashes passwords in under a millisecond.
    """

    kind: Literal["auth", "resource"]
    port: int
    settings: dict[str, str]
    log_file: Path
    cheap_hashes: bool = True
    process: Process | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """The output since the first start."""
        return self.log_file.read_text()

    def begin(self) -> None:
        """Start it; it answers a while later."""
        where = ("--host", "127.0.0.1", "--port", str(self.port), "--grace", str(GRACE_S))
        with self.log_file.open("ab") as log:
            environment = python_environment(**self.settings)
            self.process = start_process(
                MODULE,
                self.kind,
                *where,
                environment=environment,
                output=log,
                cheap_hashes=self.cheap_hashes,
            )

    def answers(self) -> bool:
        """Whether it is healthy. It must not have ended."""
        assert self.process
        assert self.process.poll() is None, self.log
        return is_healthy(self.url)

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> int:
        """Ask it to end; the exit status."""
        assert self.process
        self.process.terminate()
        status = self.process.wait(GRACE_S + 10)
        self.process = None
        return status


def start(services: Sequence[Service]) -> None:
    """Start all of them at once; return once all are healthy."""
    for service in services:
        service.begin()
    wait_until(lambda: all(service.answers() for service in services), timeout_s=START_TIMEOUT_S)


@dataclass
class Deployment:
    """Authorization servers that share a store and are one issuer, and a resource server that asks it.

    Attributes:
        resource_secret: what the resource server shows at the introspection endpoint.
    """

    auth: list[Service]
    resource: Service
    resource_secret: str

    @property
    def issuer(self) -> str:
        return self.auth[0].settings["DOORWARD_ISSUER"]

    @property
    def store_url(self) -> str:
        return self.auth[0].settings["DOORWARD_STORE"]

    @property
    def mcp_url(self) -> str:
        return self.resource.settings["DOORWARD_RESOURCE"]

    @property
    def authorization(self) -> str:
        """The Authorization header with which the resource server asks about tokens."""
        credentials = f"{RESOURCE_SERVER_ID}:{self.resource_secret}"
        return f"Basic {b64encode(credentials.encode()).decode()}"

    @property
    def services(self) -> list[Service]:
        return [*self.auth, self.resource]

    def hello(self, access_token: str) -> httpx2.Response:
        """Show a token to the resource server."""
        headers = {"Authorization": f"Bearer {access_token}"}
        return httpx2.get(f"{self.resource.url}/hello", headers=headers, timeout=30, trust_env=False)

    def kill(self) -> None:
        """End everything at once, as a power cut would."""
        for service in self.services:
            service.kill()


@contextmanager
def deployed(
    store_url: str,
    directory: Path,
    *,
    replicas: int = 1,
    clock_shifts_s: Sequence[int] = (),
    issuer: str | None = None,
    mcp_url: str | None = None,
    resource_port: int = 0,
    more_resource_servers: Sequence[Mapping[str, Any]] = (),
    settings: Mapping[str, str] = NOTHING,
    resource_settings: Mapping[str, str] = NOTHING,
    cheap_hashes: bool = True,
    introspect_through: Callable[[str], str] = str,
) -> Iterator[Deployment]:
    """A deployment on the store at `store_url`, healthy, for the length of the context.

    Args:
        directory: for logs and notes.
        clock_shifts_s: how far the clock of each replica's host is ahead; right for those left out.
        issuer: the public URL of the authorization servers; where the first of them listens, if left out.
        mcp_url: the public URL of the MCP server; where it listens, if left out.
        resource_port: where the resource server listens; any port, if left out.
        more_resource_servers: that the authorization server knows besides ours.
        settings: environment variables for the authorization servers; they win over the usual ones.
        resource_settings: the same for the resource server.
        cheap_hashes: whether passwords are hashed in under a millisecond, not at the cost of a deployment.
        introspect_through: from the first authorization server's address to what the resource server calls.
    """
    auth_ports, resource_port = [free_port() for _ in range(replicas)], resource_port or free_port()
    listens_at = f"http://127.0.0.1:{auth_ports[0]}"
    issuer, mcp_url = issuer or listens_at, mcp_url or f"http://127.0.0.1:{resource_port}/mcp"
    resource_secret = secrets.token_urlsafe(32)
    master_key = urlsafe_b64encode(secrets.token_bytes(32)).decode()
    common = {"DOORWARD_ISSUER": issuer, "DOORWARD_LOG_FORMAT": "json"}
    for_auth = {
        **common,
        **NO_BRAKES,
        "DOORWARD_STORE": store_url,
        "DOORWARD_MASTER_KEYS": f"1:{master_key}",
        "DOORWARD_RESOURCE_SERVERS": json.dumps(
            [*resource_servers(mcp_url, resource_secret), *more_resource_servers]
        ),
        "DOORWARD_DEMO_USER": "true",
        **settings,
    }
    for_resource = {
        **common,
        "DOORWARD_RESOURCE": mcp_url,
        "DOORWARD_RESOURCE_SECRET": resource_secret,
        "DOORWARD_INTROSPECTION_ENDPOINT": f"{introspect_through(listens_at)}/introspect",
        "DOORWARD_NOTES": f"sqlite:///{directory}/notes.sqlite3",
        **resource_settings,
    }
    auth = [
        Service("auth", port, {**for_auth, **shift}, directory / f"auth-{port}.log", cheap_hashes)
        for port, shift in _with_shifts(auth_ports, clock_shifts_s)
    ]
    resource = Service("resource", resource_port, for_resource, directory / f"resource-{resource_port}.log")
    deployment = Deployment(auth, resource, resource_secret)
    with ExitStack() as stack:
        stack.callback(deployment.kill)
        start(deployment.services)
        yield deployment
    for service in deployment.services:
        assert "Traceback" not in service.log, service.log


def _with_shifts(
    ports: Sequence[int], clock_shifts_s: Sequence[int]
) -> Iterator[tuple[int, Mapping[str, str]]]:
    for port, shift_s in zip_longest(ports, clock_shifts_s, fillvalue=0):
        yield port, {"TEST_CLOCK_SHIFT_S": str(shift_s)} if shift_s else NOTHING

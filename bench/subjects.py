"""The measured subjects. Each is a running server and one request, which is repeated."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.cli.command import python_environment
from tests.e2e.services import Deployment, Service, deployed, start
from tests.e2e.volley import post, request
from tests.flow import Client, Person
from tests.servers import DURABLE, free_port, redis_running, wait_until

BASELINE = "bare application"


@dataclass(frozen=True, slots=True)
class Subject:
    """A server and the request to it."""

    name: str
    port: int
    process_id: int
    request: bytes
    status: int = 200


@contextmanager
def subjects(directory: Path, *, redis: bool) -> Iterator[list[Subject]]:
    """Run all subjects.

    Args:
        directory: an empty directory.
        redis: whether a redis-server is available.
    """
    with ExitStack() as stack:
        bare = stack.enter_context(_baseline("bare"))
        framework = stack.enter_context(_baseline("framework"))
        form = {"token": secrets.token_urlsafe(48)}
        measured = [
            Subject(BASELINE, *bare, post("/", form)),
            Subject("the same by form parameters and a model", *framework, post("/", form)),
        ]
        stores = {"SQLite": f"sqlite:///{directory}/auth.sqlite3"}
        if redis:
            stores["Redis"] = stack.enter_context(redis_running(directory / "redis", *DURABLE)).url
        for name, url in stores.items():
            place = directory / name.lower()
            place.mkdir(exist_ok=True)
            deployment = stack.enter_context(deployed(url, place))
            measured += _of_the_authorization_server(name, deployment)
            if name == list(stores)[-1]:
                measured += _of_the_resource_server(deployment, place, stack)
        yield measured


@contextmanager
def _baseline(name: str) -> Iterator[tuple[int, int]]:
    """Run a baseline as a process, and yield its port and process id."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", f"bench.baselines:{name}", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--no-access-log", "--no-server-header", "--log-level", "error"], env=python_environment()
    )
    try:
        wait_until(lambda: _listens(port) or process.poll() is not None)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    try:
        httpx2.get(f"http://127.0.0.1:{port}/", trust_env=False)
    except httpx2.HTTPError:
        return False
    return True


def _of_the_authorization_server(store: str, deployment: Deployment) -> list[Subject]:
    tokens, client = _connected(deployment)
    place = deployment.auth[0].port, _process_id(deployment.auth[0])
    garbage = f"dw_at_{secrets.token_urlsafe(72)}"
    refresh = {
        "grant_type": "refresh_token",
        "refresh_token": tokens["refresh_token"],
        "client_id": client.client_id,
    }
    requests = {
        f"introspect, {store}": post(
            "/introspect", {"token": tokens["access_token"]}, deployment.authorization
        ),
        f"introspect garbage, {store}": post("/introspect", {"token": garbage}, deployment.authorization),
        f"refresh, answered again, {store}": post("/token", refresh),
    }
    return [Subject(name, *place, request) for name, request in requests.items()]


def _of_the_resource_server(deployment: Deployment, directory: Path, stack: ExitStack) -> list[Subject]:
    tokens, _ = _connected(deployment)
    without_cache = Service(
        "resource",
        free_port(),
        {
            **deployment.resource.settings,
            "DOORWARD_INTROSPECTION_CACHE_S": "0",
            "DOORWARD_NOTES": "sqlite://",
        },
        directory / "asking.log",
    )
    stack.callback(without_cache.kill)
    start([without_cache])
    bearer = request("GET", "/hello", {"Authorization": f"Bearer {tokens['access_token']}"})
    without = request("GET", "/hello", {})
    return [
        Subject("protected, asking each time", without_cache.port, _process_id(without_cache), bearer),
        Subject(
            "protected, while revocations arrive",
            deployment.resource.port,
            _process_id(deployment.resource),
            bearer,
        ),
        Subject("refused for lack of a token", without_cache.port, _process_id(without_cache), without, 401),
    ]


def _connected(deployment: Deployment) -> tuple[dict[str, str], Client]:
    person = Person(trust_env=False)
    with httpx2.Client(trust_env=False, timeout=30) as http:
        client = Client.register(deployment.issuer, http)
        tokens: dict[str, str] = client.connect(person, resource=deployment.mcp_url)
    person.close()
    return tokens, client


def _process_id(service: Service) -> int:
    assert service.process
    return service.process.pid

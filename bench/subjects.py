"""The measured subjects: running servers, and the requests to them."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from bench.baselines import STORE_VARIABLE
from bench.operations import SETTINGS, Operation, operations, repeated
from bench.pinning import pin_server
from tests.cli.command import python_environment
from tests.e2e.services import Deployment, Service, deployed, start
from tests.e2e.volley import post, request
from tests.flow import Client, Person
from tests.servers import DURABLE, free_port, redis_running, wait_until

BASELINE = "one GET by redis-py"
ONE_CONNECTION = f"{BASELINE}, one connection"
"""The baseline of operations that are measured with one connection."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A server and the requests to it."""

    port: int
    process_id: int
    operation: Operation

    @property
    def name(self) -> str:
        """The name in the table."""
        return self.operation.name

    @property
    def baseline(self) -> str:
        """The baseline with the same number of connections."""
        return ONE_CONNECTION if len(self.operation.scripts) == 1 else BASELINE


@contextmanager
def subjects(directory: Path) -> Iterator[list[Subject]]:
    """Run all subjects, with a separate redis-server.

    Args:
        directory: an empty directory.
    """
    with ExitStack() as stack:
        store_url = stack.enter_context(redis_running(directory / "redis", *DURABLE)).url
        form = post("/", {"token": secrets.token_urlsafe(48)})
        one_key = stack.enter_context(_baseline("one_key", {STORE_VARIABLE: store_url}))
        bare = stack.enter_context(_baseline("bare"))
        framework = stack.enter_context(_baseline("framework"))
        deployment = stack.enter_context(deployed(store_url, directory, settings=SETTINGS))
        auth = deployment.auth[0].port, _process_id(deployment.auth[0])
        pin_server(auth[1])
        yield [
            Subject(*one_key, Operation(name=BASELINE, scripts=repeated(form))),
            Subject(*one_key, Operation(name=ONE_CONNECTION, scripts=repeated(form, 1))),
            Subject(*bare, Operation(name="no store, by Starlette", scripts=repeated(form))),
            Subject(
                *framework, Operation(name="no store, by FastAPI's form and model", scripts=repeated(form))
            ),
            *(Subject(*auth, operation) for operation in operations(deployment)),
            *_of_the_resource_server(deployment, directory, stack),
        ]


@contextmanager
def _baseline(name: str, variables: Mapping[str, str] | None = None) -> Iterator[tuple[int, int]]:
    """Run a baseline as a process, and yield its port and process id."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", f"bench.baselines:{name}", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--no-access-log", "--no-server-header", "--log-level", "error"],
        env=python_environment(**(variables or {})),
    )
    try:
        wait_until(lambda: _listens(port) or process.poll() is not None)
        pin_server(process.pid)
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


def _of_the_resource_server(deployment: Deployment, directory: Path, stack: ExitStack) -> Sequence[Subject]:
    person = Person(trust_env=False)
    with httpx2.Client(trust_env=False, timeout=30) as http:
        client = Client.register(deployment.issuer, http)
        tokens = client.connect(person, resource=deployment.mcp_url)
    person.close()
    without_cache = Service(
        "resource",
        free_port(),
        {
            **deployment.resource.settings,
            "DOORWARD_INTROSPECTION_CACHE_S": "0",
            "DOORWARD_NOTES": "sqlite://",
            "DOORWARD_LOG_LEVEL": "warning",
        },
        directory / "asking.log",
    )
    stack.callback(without_cache.kill)
    start([without_cache])
    asking = without_cache.port, _process_id(without_cache)
    caching = deployment.resource.port, _process_id(deployment.resource)
    for place in (asking, caching):
        pin_server(place[1])
    bearer = repeated(request("GET", "/hello", {"Authorization": f"Bearer {tokens['access_token']}"}))
    without = repeated(request("GET", "/hello", {}))
    return [
        Subject(*asking, Operation(name="protected, asking each time", scripts=bearer)),
        Subject(*caching, Operation(name="protected, cached answer", scripts=bearer)),
        Subject(*asking, Operation(name="refused for lack of a token", scripts=without, status=401)),
    ]


def _process_id(service: Service) -> int:
    assert service.process
    return service.process.pid

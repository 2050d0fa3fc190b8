"""The measured subjects: running servers, and the requests to them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from bench.baselines import STORE_VARIABLE
from bench.gateway import DIRECT, RECORDED, UNRECORDED, tool_calls
from bench.operations import SETTINGS, Operation, operations, repeated
from bench.peers import oidc_provider
from bench.pinning import pin_server
from bench.processes import asgi_server, place_of
from tests.e2e.services import Deployment, Service, deployed, start
from tests.e2e.volley import post, request
from tests.flow import Client, Person
from tests.servers import DURABLE, free_port, redis_running

BASELINE = "one GET by redis-py"
ONE_CONNECTION = f"{BASELINE}, one connection"
"""The baseline of operations that are measured with one connection."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A server and the requests to it.

    Attributes:
        beside: the subject that this one is compared with.
        store_url: of the Redis that the server uses; empty for a server without.
    """

    port: int
    process_id: int
    operation: Operation
    beside: str = ""
    store_url: str = ""

    @property
    def name(self) -> str:
        """The name in the table."""
        return self.operation.name

    @property
    def baseline(self) -> str:
        """The subject beside this one, by default a GET with the same number of connections."""
        if self.beside:
            return self.beside
        return ONE_CONNECTION if len(self.operation.scripts) == 1 else BASELINE


@contextmanager
def subjects(directory: Path, *, peers: bool = False) -> Iterator[list[Subject]]:
    """Run all subjects, with a separate redis-server.

    Args:
        directory: an empty directory.
        peers: whether other authorization servers run, too.
    """
    with ExitStack() as stack:
        store_url = stack.enter_context(redis_running(directory / "redis", *DURABLE)).url
        form = post("/", {"token": secrets.token_urlsafe(48)})
        one_key = stack.enter_context(asgi_server("bench.baselines:one_key", {STORE_VARIABLE: store_url}))
        bare = stack.enter_context(asgi_server("bench.baselines:bare"))
        framework = stack.enter_context(asgi_server("bench.baselines:framework"))
        deployment = stack.enter_context(deployed(store_url, directory, settings=SETTINGS))
        auth = place_of(deployment.auth[0])
        calls = stack.enter_context(tool_calls(deployment, directory))
        others = stack.enter_context(oidc_provider(store_url)) if peers else []
        measured = [
            Subject(*one_key, Operation(name=BASELINE, scripts=repeated(form))),
            Subject(*one_key, Operation(name=ONE_CONNECTION, scripts=repeated(form, 1))),
            Subject(*bare, Operation(name="no store, by Starlette", scripts=repeated(form))),
            Subject(
                *framework, Operation(name="no store, by FastAPI's form and model", scripts=repeated(form))
            ),
            *(Subject(*auth, operation, store_url=store_url) for operation in operations(deployment)),
            *_of_the_resource_server(deployment, directory, stack),
            *(Subject(*place, operation) for place, operation in others),
            *(Subject(*place, operation, beside=_beside(operation)) for place, operation in calls),
        ]
        for process_id in {subject.process_id for subject in measured}:
            pin_server(process_id)
        yield measured


def _beside(operation: Operation) -> str:
    return UNRECORDED if operation.name == RECORDED else DIRECT


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
    asking, caching = place_of(without_cache), place_of(deployment.resource)
    bearer = repeated(request("GET", "/hello", {"Authorization": f"Bearer {tokens['access_token']}"}))
    without = repeated(request("GET", "/hello", {}))
    return [
        Subject(*asking, Operation(name="protected, asking each time", scripts=bearer)),
        Subject(*caching, Operation(name="protected, cached answer", scripts=bearer)),
        Subject(*asking, Operation(name="refused for lack of a token", scripts=without, statuses={401})),
    ]

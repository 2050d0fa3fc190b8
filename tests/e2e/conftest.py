"""Deployments of several processes. Their suites share an xdist group: they are not to race each other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from tests.e2e.contest import WEB, Contest
from tests.e2e.services import Deployment, deployed
from tests.e2e.volley import battery
from tests.flow import Client, Person
from tests.machine import require
from tests.servers import redis_running

CONNECTIONS = 200


@pytest.fixture(scope="session")
def replicated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Four authorization servers on one Redis, and a resource server."""
    require("redis-server")
    directory = tmp_path_factory.mktemp("replicated")
    with (
        redis_running(directory / "redis") as redis,
        deployed(redis.url, directory, replicas=4) as deployment,
    ):
        yield deployment


@pytest.fixture(scope="module")
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
def person() -> Iterator[Person]:
    """The demo user at a browser."""
    person = Person(trust_env=False)
    yield person
    person.close()


@pytest.fixture
async def contest(
    replicated: Deployment, http: httpx2.Client, person: Person, anyio_backend: str
) -> AsyncIterator[Contest]:
    client = Client.register(replicated.issuer, http, redirect_uris=WEB)
    async with battery([service.port for service in replicated.auth], CONNECTIONS) as lines:
        yield Contest(replicated, client, person, lines)

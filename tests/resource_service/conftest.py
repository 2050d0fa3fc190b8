"""One resource service and one scripted authorization server for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, running
from tests.servers import wait_until


@pytest.fixture(scope="session")
def issuer_running() -> Iterator[AuthorizationServer]:
    server = AuthorizationServer().start()
    yield server
    server.stop()


@pytest.fixture
def issuer(issuer_running: AuthorizationServer) -> AuthorizationServer:
    """The authorization server, with nothing told to it yet."""
    issuer_running.tokens.clear()
    issuer_running.replies.clear()
    issuer_running.questions.clear()
    return issuer_running


@pytest.fixture(scope="session")
def service(
    issuer_running: AuthorizationServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """The resource service, which waits no longer than a second for an answer about a token."""
    directory = tmp_path_factory.mktemp("resource")
    with running(issuer_running, directory, introspection_timeout_s="1") as service:
        yield service


@pytest.fixture
def client(service: Service, issuer: AuthorizationServer) -> Iterator[httpx2.Client]:
    """A plain HTTP client of the service, which asks: whatever went wrong in the test before is over."""
    with httpx2.Client(base_url=service.origin, timeout=10) as client:
        headers = {"Authorization": "Bearer nobodys"}
        wait_until(lambda: client.get("/hello", headers=headers).status_code != 503)
        issuer.questions.clear()
        yield client

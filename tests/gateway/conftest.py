"""Gateways and what is behind them, started once for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.gateway.ledger import POLICY, Ledger, ledger
from tests.gateway.outside import install
from tests.gateway.upstreams import (
    Upstream,
    forked_stdio,
    gateway,
    node_upstream,
    python_stdio,
    python_upstream,
    stdio,
)
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, token_for

PLAIN = "tests.gateway.servers.plain"
FAST = Path(__file__).parent / "servers" / "with_fastmcp.py"
Directories = pytest.TempPathFactory


@pytest.fixture(scope="session")
def issuer() -> Iterator[AuthorizationServer]:
    """The authorization server, which knows the tokens that tests give it."""
    server = AuthorizationServer().start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def scripted_upstream() -> Iterator[AuthorizationServer]:
    """An upstream that answers byte for byte what a test tells it to: `replies` and `questions`."""
    server = AuthorizationServer().start()
    yield server
    server.stop()


@pytest.fixture
def upstream(scripted_upstream: AuthorizationServer) -> AuthorizationServer:
    """The scripted upstream, with nothing told to it yet."""
    scripted_upstream.replies.clear()
    scripted_upstream.questions.clear()
    return scripted_upstream


@pytest.fixture(scope="session")
def scripted(
    issuer: AuthorizationServer, scripted_upstream: AuthorizationServer, tmp_path_factory: Directories
) -> Iterator[Service]:
    """The gateway in front of the scripted upstream."""
    directory = tmp_path_factory.mktemp("scripted")
    with gateway(issuer, directory, f"{scripted_upstream.url}/mcp") as service:
        yield service


@pytest.fixture
def client(scripted: Service) -> Iterator[httpx2.Client]:
    """A plain HTTP client of the gateway in front of the scripted upstream."""
    with httpx2.Client(base_url=scripted.origin, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
def token(scripted: Service, issuer: AuthorizationServer) -> str:
    """A good token for the gateway in front of the scripted upstream."""
    return token_for(scripted, issuer)


@pytest.fixture(scope="module")
def ruled(
    issuer: AuthorizationServer, scripted_upstream: AuthorizationServer, tmp_path_factory: Directories
) -> Iterator[Service]:
    """The gateway with a policy in front of the scripted upstream, with one header let through."""
    directory = tmp_path_factory.mktemp("ruled")
    (directory / "policy.yaml").write_text(POLICY)
    settings = {"policy": str(directory / "policy.yaml"), "upstream_headers": "X-Tenant"}
    with gateway(issuer, directory, f"{scripted_upstream.url}/mcp", **settings) as service:
        yield service


@pytest.fixture(scope="module", params=["http", "stdio"])
def behind(
    request: pytest.FixtureRequest, issuer: AuthorizationServer, tmp_path_factory: Directories
) -> Iterator[Ledger]:
    """The server that writes down what it does, over each transport."""
    with ledger(issuer, tmp_path_factory.mktemp("ledger"), request.param) as running:
        yield running


@pytest.fixture(scope="session")
def plain_upstream(tmp_path_factory: Directories) -> Iterator[Upstream]:
    """An ordinary server, over Streamable HTTP."""
    with python_upstream(PLAIN, tmp_path_factory.mktemp("plain")) as upstream:
        yield upstream


@pytest.fixture(scope="session")
def plain(
    issuer: AuthorizationServer, plain_upstream: Upstream, tmp_path_factory: Directories
) -> Iterator[Service]:
    """The gateway in front of it."""
    with gateway(issuer, tmp_path_factory.mktemp("gateway"), plain_upstream.url) as service:
        yield service


@pytest.fixture(scope="session")
def plain_stdio(issuer: AuthorizationServer, tmp_path_factory: Directories) -> Iterator[Service]:
    """The gateway in front of the same server, over stdio."""
    with gateway(issuer, tmp_path_factory.mktemp("gateway"), python_stdio(PLAIN)) as service:
        yield service


@pytest.fixture(scope="session")
def forked_plain_stdio(issuer: AuthorizationServer, tmp_path_factory: Directories) -> Iterator[Service]:
    """As `plain_stdio`, forked behind the process that the gateway starts, which passes its streams on."""
    with gateway(issuer, tmp_path_factory.mktemp("gateway"), forked_stdio(PLAIN)) as service:
        yield service


@pytest.fixture(scope="session")
def everything(issuer: AuthorizationServer, tmp_path_factory: Directories) -> Iterator[Service]:
    """The gateway in front of the reference server, over Streamable HTTP."""
    directory = tmp_path_factory.mktemp("everything")
    with (
        node_upstream([*install.everything(), "streamableHttp"], directory) as upstream,
        gateway(issuer, directory, upstream.url) as service,
    ):
        yield service


@pytest.fixture(scope="session")
def fast(issuer: AuthorizationServer, tmp_path_factory: Directories) -> Iterator[Service]:
    """The gateway in front of a FastMCP server, over Streamable HTTP."""
    directory = tmp_path_factory.mktemp("fast")
    with (
        python_upstream(FAST, directory, python=install.fastmcp_python()) as upstream,
        gateway(issuer, directory, upstream.url) as service,
    ):
        yield service


@pytest.fixture(scope="session")
def fast_stdio(issuer: AuthorizationServer, tmp_path_factory: Directories) -> Iterator[Service]:
    """The gateway in front of a FastMCP server, over stdio."""
    directory = tmp_path_factory.mktemp("fast")
    command = stdio(install.fastmcp_python(), str(FAST))
    with gateway(issuer, directory, command) as service:
        yield service


@pytest.fixture(scope="session")
def everything_stdio(issuer: AuthorizationServer, tmp_path_factory: Directories) -> Iterator[Service]:
    """The gateway in front of the reference server, over stdio."""
    directory = tmp_path_factory.mktemp("everything")
    with gateway(issuer, directory, stdio(*install.everything(), "stdio")) as service:
        yield service

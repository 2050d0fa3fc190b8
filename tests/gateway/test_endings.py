"""Streams through the gateway end: with their token, and with the service."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.gateway.exchange import LISTEN, PING
from tests.gateway.sessions import opened
from tests.gateway.upstreams import Upstream, gateway, python_stdio
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import GRACE_S, Service, bearer, token_for

PLAIN = "tests.gateway.servers.plain"


@pytest.fixture(params=["http", "stdio"])
def upstream_url(request: pytest.FixtureRequest) -> str:
    """Both kinds of upstream in turn."""
    if request.param == "stdio":
        return python_stdio(PLAIN)
    upstream: Upstream = request.getfixturevalue("plain_upstream")
    return upstream.url


@pytest.fixture
def service(issuer: AuthorizationServer, upstream_url: str, tmp_path: Path) -> Iterator[Service]:
    with gateway(issuer, tmp_path, upstream_url) as service:
        yield service


@contextmanager
def listening(client: httpx2.Client, headers: dict[str, str]) -> Iterator[httpx2.Response]:
    with client.stream("GET", "/mcp", headers=headers | LISTEN) as response:
        assert response.status_code == 200
        yield response


@pytest.mark.requirement("RS-3")
def test_a_stream_ends_cleanly_when_its_token_does_and_the_session_goes_on(
    service: Service, issuer: AuthorizationServer
) -> None:
    with httpx2.Client(base_url=service.origin, timeout=60, trust_env=False) as client:
        session = opened(client, token_for(service, issuer))
        short = token_for(service, issuer, exp=int(time.time()) + 3)
        with listening(client, session | bearer(short)) as stream:
            before = time.monotonic()
            assert [line for line in stream.iter_lines() if line.startswith("data: {")] == []
            assert time.monotonic() - before < 10
        again = session | bearer(token_for(service, issuer))
        assert client.post("/mcp", headers=again, json=PING).status_code == 200
        with listening(client, again):
            pass  # the place of the ended stream is free again


def test_open_streams_do_not_hold_up_the_end_of_the_service(
    service: Service, issuer: AuthorizationServer
) -> None:
    with httpx2.Client(base_url=service.origin, timeout=60, trust_env=False) as client:
        token = token_for(service, issuer)
        sessions = [opened(client, token) | bearer(token) for _ in range(2)]
        with listening(client, sessions[0]) as first, listening(client, sessions[1]):
            code = service.stop()
            assert code in (0, -15)
            assert [line for line in first.iter_lines() if line.startswith("data: {")] == []
    events = {line["event"] for line in service.log_lines()}
    assert "Application shutdown complete." in events
    assert not any("graceful shutdown exceeded" in event for event in events), GRACE_S

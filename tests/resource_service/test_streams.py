"""Streams end: with their token, and with the service."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import GRACE_S, Service, bearer, running, token_for
from tests.resource_service.sessions import LEGACY, open_session


@contextmanager
def listening(client: httpx2.Client, token: str, session: str) -> Iterator[httpx2.Response]:
    headers = bearer(token) | LEGACY | {"Mcp-Session-Id": session, "Mcp-Protocol-Version": "2025-11-25"}
    with client.stream("GET", "/mcp", headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield response


@pytest.mark.requirement("RS-3")
def test_a_stream_ends_cleanly_when_its_token_does_and_the_session_goes_on(
    client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    session = open_session(client, token_for(service, issuer))
    short = token_for(service, issuer, exp=int(time.time()) + 2)
    with listening(client, short, session) as stream:
        before = time.monotonic()
        assert list(stream.iter_lines()) == []  # a broken connection would raise
    assert time.monotonic() - before < 4
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    headers = bearer(token_for(service, issuer)) | LEGACY | {"Mcp-Session-Id": session}
    assert client.post("/mcp", headers=headers, json=ping).status_code == 200
    with listening(client, token_for(service, issuer), session):
        pass  # the place of the ended stream is free again


def test_open_streams_do_not_hold_up_the_end_of_the_service(
    issuer: AuthorizationServer, tmp_path: Path
) -> None:
    with running(issuer, tmp_path) as service, httpx2.Client(base_url=service.origin, timeout=10) as client:
        token = token_for(service, issuer)
        sessions = [open_session(client, token) for _ in range(3)]
        with (
            listening(client, token, sessions[0]) as first,
            listening(client, token, sessions[1]),
            listening(client, token, sessions[2]),
        ):
            before = time.monotonic()
            code = service.stop()
            assert time.monotonic() - before < GRACE_S
            assert code in (0, -15)
            assert list(first.iter_lines()) == []
        events = [line["event"] for line in service.log_lines()]
        assert "Application shutdown complete." in events
        warnings = [line["event"] for line in service.log_lines() if line["level"] in ("warning", "error")]
        # The service of the tests has no directory for its journal, and says so.
        assert [event for event in warnings if "calls are recorded in memory" not in event] == []

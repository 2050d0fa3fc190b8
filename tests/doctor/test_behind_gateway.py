"""The doctor quotes the gateway's error about the server behind it, with the setting to change."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from resource_service.errors import Refusal, Refuse
from resource_service.gateway.errors import redirects, refuses_host, unreachable
from shared.cli.doctor.checks import connection, session
from shared.cli.doctor.verdict import Status
from tests.doctor.canned import answered, evidence_of, line

pytestmark = pytest.mark.requirement("RS-15")

MCP = "https://tools.example/mcp"


@pytest.mark.parametrize("request_ids", [[], [1]], ids=["as JSON", "as JSON-RPC"])
@pytest.mark.parametrize(
    ("refusal", "named"),
    [
        (redirects, "DOORWARD_UPSTREAM to that address"),
        (refuses_host, "DOORWARD_UPSTREAM_HOST"),
        (unreachable, "cannot be reached"),
    ],
)
def test_what_is_wrong_behind_the_gateway_is_named(
    refusal: Callable[[str], Refusal], named: str, request_ids: list[object]
) -> None:
    refused = refusal("http://inside:3000/mcp")
    refused.answers = request_ids
    response = Refuse("", tuple)(refused, {"type": "http", "method": "POST", "path": "/mcp", "headers": []})
    exchange = answered(MCP, response.status_code, bytes(response.body))
    login = SimpleNamespace(initialize=exchange, refused_for_scope=None)
    finding = line(session.initialize, evidence_of(MCP, login=login))
    assert finding.status is Status.FAILURE
    assert named in finding.finding
    assert "inside" not in finding.finding


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (421, b"", Status.FAILURE),
        (403, b"Forbidden: invalid Host header \x1b[2J", Status.FAILURE),
        (401, b"Invalid Host header", Status.OK),
    ],
)
def test_a_server_that_expects_another_host_is_named(status: int, body: bytes, verdict: Status) -> None:
    finding = line(connection.host, evidence_of(MCP, post=answered(MCP, status, body)))
    assert finding.status is verdict
    assert finding.finding.isprintable()

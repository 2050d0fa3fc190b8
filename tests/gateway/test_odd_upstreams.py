"""Commands that get it wrong: every call is answered, in time, with a reason that `doorward why` explains."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.gateway.exchange import MESSAGE, PING, check_explained
from tests.gateway.message_meta import META
from tests.gateway.servers import odd_http
from tests.gateway.servers.odd import ODD
from tests.gateway.sessions import opened
from tests.gateway.upstreams import gateway, python_stdio
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, token_for

pytestmark = pytest.mark.requirement("RS-15")

SILENCE_S = 2.0
IN_TIME_S = 20.0
UNREADABLE = "malformed response: it is not JSON in UTF-8"
NO_MESSAGE = "malformed response: it is not a JSON-RPC 2.0 message"
REASONS = {
    **dict.fromkeys(
        ("no id", "no outcome", "id null", "id a fraction", "id a list", "id true", "a batch"), NO_MESSAGE
    ),
    **dict.fromkeys(
        ("id as text", "id of nobody", "id of nobody, text"), "answered with an unknown request id"
    ),
    **dict.fromkeys(("too large", "too large, id last"), "larger than DOORWARD_STDIO_MAX_MESSAGE_BYTES"),
    **dict.fromkeys(("silence", "a greeting and silence"), "did not respond in time"),
    "an end": "exited before it responded|has ended",
}
"""The explanation of `doorward why` for each odd response; for all others, `UNREADABLE`."""


@pytest.fixture(scope="module")
def odd_stdio(issuer: AuthorizationServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {"upstream_silence_s": str(SILENCE_S), "stdio_max_message_bytes": "65536"}
    directory: Path = tmp_path_factory.mktemp("odd")
    with gateway(issuer, directory, python_stdio("tests.gateway.servers.odd"), **settings) as service:
        yield service


@pytest.fixture(scope="module")
def caller(odd_stdio: Service) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=odd_stdio.origin, timeout=IN_TIME_S, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def session(odd_stdio: Service, issuer: AuthorizationServer, caller: httpx2.Client) -> dict[str, str]:
    token = token_for(odd_stdio, issuer, sub="sessions")
    return bearer(token) | MESSAGE | opened(caller, token)


@pytest.fixture(scope="module")
def stateless(odd_stdio: Service, issuer: AuthorizationServer) -> dict[str, str]:
    newer = {"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call"}
    return bearer(token_for(odd_stdio, issuer, sub="stateless")) | MESSAGE | newer


def call_of(name: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": name, **params}}


def error_in(response: httpx2.Response) -> dict[str, Any]:
    """The one error that answers call 7."""
    assert response.status_code in (200, 400, 500), response.text
    if response.headers["content-type"].startswith("text/event-stream"):
        data = [line[6:] for line in response.text.splitlines() if line.startswith("data: {")]
        message = json.loads(data[-1])
    else:
        message = response.json()
    assert message["id"] == 7
    error: dict[str, Any] = message["error"]
    return error


def test_the_tables_have_fifty_rows_and_more() -> None:
    assert len(ODD) > 25
    assert len(ODD) + len(odd_http.ODD) > 100
    assert REASONS.keys() <= ODD.keys()


@pytest.mark.parametrize("name", [name for name in ODD if name != "an end"])
def test_a_call_in_a_session_is_answered_whatever_the_command_writes(
    name: str, odd_stdio: Service, caller: httpx2.Client, session: dict[str, str]
) -> None:
    began = time.monotonic()
    response = caller.post("/mcp", headers=session, json=call_of(name))
    assert error_in(response)["code"] == -32603
    assert time.monotonic() - began < IN_TIME_S
    check_explained(odd_stdio, response, REASONS.get(name, UNREADABLE))
    ping = caller.post("/mcp", headers=session, json={**PING, "id": 7})  # the process lives, the id is free
    assert ping.json()["result"] == {}


@pytest.mark.parametrize("name", ODD)
def test_a_call_without_a_session_is_answered_whatever_the_command_writes(
    name: str, odd_stdio: Service, caller: httpx2.Client, stateless: dict[str, str]
) -> None:
    response = caller.post("/mcp", headers=stateless | {"Mcp-Name": name}, json=call_of(name, _meta=META))
    assert error_in(response)["code"] == (-32000 if name == "an end" else -32603)
    check_explained(odd_stdio, response, REASONS.get(name, UNREADABLE))

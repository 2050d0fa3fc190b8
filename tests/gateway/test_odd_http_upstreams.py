"""Upstreams over HTTP that get it wrong: every call is answered, in time, with a reason that is explained."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import httpx2
import pytest

from resource_service.gateway.http_answers import fault_in_body
from tests.gateway.exchange import MESSAGE, PING, check_explained, error_code, results
from tests.gateway.servers.odd_http import MOST, ODD, RIGHT, Odd
from tests.gateway.upstreams import gateway
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, token_for

pytestmark = pytest.mark.requirement("RS-15")

SILENCE_S = 1.0
IN_TIME_S = 20.0
CALL = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "odd"}}


@pytest.fixture(scope="module")
def odd_http(
    issuer: AuthorizationServer,
    scripted_upstream: AuthorizationServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    settings = {"upstream_silence_s": str(SILENCE_S), "upstream_max_message_bytes": str(MOST)}
    directory = tmp_path_factory.mktemp("odd")
    with gateway(issuer, directory, f"{scripted_upstream.url}/mcp", **settings) as service:
        yield service


@pytest.fixture(scope="module")
def caller(odd_http: Service, issuer: AuthorizationServer) -> Iterator[httpx2.Client]:
    headers = bearer(token_for(odd_http, issuer)) | MESSAGE
    with httpx2.Client(
        base_url=odd_http.origin, headers=headers, timeout=IN_TIME_S, trust_env=False
    ) as client:
        yield client


def answer_in(response: httpx2.Response) -> dict[str, object]:
    """The JSON-RPC message that answers the call."""
    if response.headers["content-type"].startswith("text/event-stream"):
        lines = [line[6:] for line in response.text.splitlines() if line.startswith("data: {")]
        document = json.loads(lines[-1])
    else:
        document = json.loads(response.content)
    message: dict[str, object] = document[0] if isinstance(document, list) else document
    assert message["id"] == 7, response.text
    return message


def test_the_table_is_of_fifty_and_more() -> None:
    assert len(ODD) > 50


@pytest.mark.parametrize("name", ODD)
def test_a_call_over_http_is_answered_whatever_the_upstream_sends(
    name: str, odd_http: Service, caller: httpx2.Client, upstream: AuthorizationServer
) -> None:
    odd = ODD[name]
    upstream.replies["*"] = odd
    began = time.monotonic()
    response = caller.post("/mcp", json=CALL)
    assert time.monotonic() - began < IN_TIME_S
    if odd.status is None:
        assert response.status_code in (200, 502, 504)
        error = answer_in(response)["error"]
        assert isinstance(error, dict)
        assert (error["code"], error["data"]["request_id"]) == (-32603, response.headers["x-request-id"])
        assert error["message"]
    else:
        assert response.status_code == odd.status
    check_explained(odd_http, response, odd.reason)


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_odd_and_right_arrives(
    name: str, caller: httpx2.Client, upstream: AuthorizationServer
) -> None:
    upstream.replies["*"] = Odd(RIGHT[name], "")
    response = caller.post("/mcp", json=CALL)
    assert response.status_code == 200
    assert {"result", "error"} & answer_in(response).keys()
    assert not response.content.startswith(b"\xef\xbb\xbf")


def test_each_request_of_a_batch_is_answered(caller: httpx2.Client, upstream: AuthorizationServer) -> None:
    upstream.replies["*"] = ODD["half a body"]
    response = caller.post("/mcp", json=[PING, {**PING, "id": "b"}, {**PING, "id": 3}])
    assert [error["id"] for error in response.json()] == [1, "b", 3]
    assert fault_in_body(b'[{"jsonrpc":"2.0","id":1,"result":{}}]', [1, "b"]) is not None
    upstream.replies["*"] = results()
    assert len(caller.post("/mcp", json=[PING, {**PING, "id": "b"}]).json()) == 2


def test_what_asks_for_nothing_may_be_answered_with_anything(
    caller: httpx2.Client, upstream: AuthorizationServer
) -> None:
    notification = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    for name in ("202", "204", "a page", "nothing"):
        upstream.replies["*"] = ODD[name]
        assert caller.post("/mcp", json=notification).is_success


def test_an_error_without_a_request_keeps_its_form(
    caller: httpx2.Client, upstream: AuthorizationServer
) -> None:
    upstream.replies["*"] = ODD["an end"]
    response = caller.get("/mcp")
    assert (response.status_code, error_code(response)) == (502, "upstream_failed")
    assert response.json()["error_description"]

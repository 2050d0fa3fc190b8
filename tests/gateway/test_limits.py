"""Limits of the policy at the gateway: four processes with one store, real clients, both revisions, stdio."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from tests.gateway.exchange import MESSAGE, results
from tests.gateway.ledger import Ledger, ledger, request
from tests.gateway.upstreams import ERAS, gateway
from tests.machine import require
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, call, modern_headers, token_for
from tests.servers import RedisServer, free_port, redis_running

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("GW-5")]

PROCESSES, LIMIT, ATTEMPTS, AT_ONCE = 4, 100, 240, 32
POLICY = """
scopes: {notes:read: Read}
default: []
limits:
  many: {per: person, rate: 100/hour, tools: many}
  few: {per: person, rate: 2/hour, tools: few, prompts: few, resources: "few://*"}
"""


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    require("redis-server")
    with redis_running(tmp_path_factory.mktemp("redis"), "--save", "") as server:
        yield server


@pytest.fixture(scope="module")
def replicas(
    issuer: AuthorizationServer,
    scripted_upstream: AuthorizationServer,
    redis: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[list[Service]]:
    """Processes of one service, with one public URL and one store."""
    directory = tmp_path_factory.mktemp("limits")
    (directory / "policy.yaml").write_text(POLICY)
    settings = {
        "resource": f"http://127.0.0.1:{free_port()}/mcp",
        "resource_store": f"{redis.url}/0",
        "policy": str(directory / "policy.yaml"),
    }
    with ExitStack() as stack:
        url = f"{scripted_upstream.url}/mcp"
        yield [stack.enter_context(gateway(issuer, directory, url, **settings)) for _ in range(PROCESSES)]


@pytest.fixture
def upstream(scripted_upstream: AuthorizationServer) -> AuthorizationServer:
    """The upstream, which answers everything with an empty result."""
    scripted_upstream.replies.clear()
    scripted_upstream.questions.clear()
    scripted_upstream.replies["/mcp"] = results()
    return scripted_upstream


def posted(service: Service, token: str, message: object, **headers: str) -> httpx2.Response:
    host = {"Host": service.resource.split("/")[2]}
    return httpx2.post(
        f"{service.origin}/mcp",
        headers={**MESSAGE, **bearer(token), **host, **headers},
        json=message,
        timeout=60,
        trust_env=False,
    )


def code_in(response: httpx2.Response) -> int | None:
    code: int | None = response.json().get("error", {}).get("code")
    return code


def test_four_processes_under_parallel_load_forward_exactly_as_many_calls_as_the_limit(
    replicas: list[Service], upstream: AuthorizationServer, issuer: AuthorizationServer
) -> None:
    tokens = [token_for(replicas[0], issuer, sub="load", client_id=f"client-{n}") for n in range(2)]

    def attempt(number: int) -> int | None:
        service = replicas[number % PROCESSES]
        return code_in(posted(service, tokens[number // PROCESSES % 2], request("tools/call", name="many")))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        codes = Counter(pool.map(attempt, range(ATTEMPTS)))
    assert codes == {None: LIMIT, -32004: ATTEMPTS - LIMIT}
    assert len(upstream.questions) == LIMIT


@pytest.mark.parametrize(
    "message",
    [
        request("tools/call", name="few"),
        request("prompts/get", name="few"),
        request("resources/read", uri="few://one"),
        request("tools/call", request_id=0, name="few"),
    ],
)
def test_the_answer_is_an_error_of_json_rpc_with_the_time_to_wait(
    message: dict[str, Any],
    replicas: list[Service],
    upstream: AuthorizationServer,
    issuer: AuthorizationServer,
) -> None:
    token = token_for(replicas[0], issuer, sub=json.dumps(message))
    responses = [posted(service, token, message) for service in replicas]
    assert [code_in(response) for response in responses] == [None, None, -32004, -32004]
    assert len(upstream.questions) == 2
    refused = responses[-1]
    assert refused.status_code == 200
    assert refused.headers["content-type"] == "application/json"
    error = refused.json()["error"]
    assert refused.json()["id"] == message["id"]
    assert error["data"].items() >= {"error": "limit_exceeded", "reason_code": "limit_exceeded"}.items()
    assert int(refused.headers["retry-after"]) == error["data"]["retry_after"] > 3_500
    assert error["message"].startswith("The limit 'few' is reached: 2 calls per hour for each person.")
    (entry,) = [line for line in replicas[-1].log(refused.headers["x-request-id"]) if "reason" in line]
    assert (entry["reason_code"], entry["status"]) == ("limit_exceeded", 200)


def test_of_a_batch_all_calls_are_refused_and_none_counts(
    replicas: list[Service], upstream: AuthorizationServer, issuer: AuthorizationServer
) -> None:
    token = token_for(replicas[0], issuer, sub="batches")
    batch = [request("tools/call", number, name="few") for number in range(3)]
    older = {"Mcp-Protocol-Version": "2025-03-26"}
    refused = posted(replicas[0], token, batch, **older)
    assert [error["id"] for error in refused.json()] == [0, 1, 2]
    assert {error["error"]["code"] for error in refused.json()} == {-32004}
    assert posted(replicas[1], token, batch[:2], **older).status_code == 200
    assert len(upstream.questions) == 1
    assert code_in(posted(replicas[2], token, batch[0])) == -32004


def test_what_the_upstream_never_got_does_not_count(
    replicas: list[Service], upstream: AuthorizationServer, issuer: AuthorizationServer
) -> None:
    token = token_for(replicas[0], issuer, sub="refused")
    message = request("tools/call", name="few")
    for _ in range(3):
        contradicting = posted(replicas[0], token, call("few"), **(modern_headers("few") | {"Mcp-Name": "x"}))
        assert contradicting.status_code == 400
        unknown = posted(replicas[1], token, message, **{"Mcp-Session-Id": "unheard-of"})
        assert unknown.status_code == 404
    assert [code_in(posted(each, token, message)) for each in replicas] == [None, None, -32004, -32004]


@pytest.mark.parametrize("transport", ["http", "stdio"])
async def test_the_python_sdk_gets_the_error_keeps_its_session_and_goes_on(
    transport: str, issuer: AuthorizationServer, tmp_path: Path
) -> None:
    policy = "scopes: {}\ndefault: []\nlimits:\n  adding: {per: person, rate: 2/hour, tools: add_*}\n"
    with ledger(issuer, tmp_path, transport, policy) as behind:
        for revision, mode in ERAS.items():
            token = behind.token("notes:read", sub=f"user of {revision}")
            await add_until_refused(behind, token, mode)
        assert behind.done == ["add_note", "add_note", "list_notes"] * 2


async def add_until_refused(behind: Ledger, token: str, mode: str) -> None:
    async with (
        httpx2.AsyncClient(headers=bearer(token), timeout=60, trust_env=False) as http,
        Client(streamable_http_client(behind.service.resource, http_client=http), mode=mode) as client,
    ):
        for _ in range(2):
            await client.call_tool("add_note", {"text": "x"})
        with pytest.raises(MCPError) as raised:
            await client.call_tool("add_note", {"text": "x"})
        error = raised.value.error
        assert error.code == -32004
        assert "2 calls per hour for each person" in error.message
        assert 3_500 < error.data["retry_after"] <= 3_600
        assert not (await client.call_tool("list_notes", {})).is_error  # in the same session

"""Tasks belong to the principal that created them (GW-8): the reference server, and real clients."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.shared.inbound import encode_header_value

from resource_service.tasks.requests import EXTENSION
from tests.gateway.exchange import INITIALIZE, MESSAGE
from tests.gateway.ledger import answer_in
from tests.gateway.message_meta import META
from tests.gateway.outside import install
from tests.gateway.upstreams import gateway
from tests.resource_service.authorization_server import AuthorizationServer, Reply, answer
from tests.resource_service.service import Service, bearer, modern_headers, token_for

pytestmark = pytest.mark.requirement("GW-8")
RESEARCH = {"name": "simulate-research-query", "arguments": {"topic": "python", "ambiguous": True}}
"""A task that does not end before its question is answered."""
PROGRAM = Path(install.__file__).parent / "tasks.mjs"
UNKNOWN = -32602


def message(method: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


class Session:
    """An MCP session of a client that accepts tasks."""

    def __init__(self, service: Service, token: str) -> None:
        self._url = f"{service.origin}/mcp"
        self._headers = bearer(token) | MESSAGE
        params = INITIALIZE["params"] | {"capabilities": {"tasks": {}, "elicitation": {}}}
        opened = self.post("initialize", **params)
        assert "list" not in opened["result"]["capabilities"]["tasks"]
        self._headers["Mcp-Session-Id"] = self.last.headers["mcp-session-id"]
        ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        assert httpx2.post(self._url, headers=self._headers, json=ready).status_code == 202

    def post(self, method: str, **params: object) -> dict[str, Any]:
        self.last = httpx2.post(self._url, headers=self._headers, json=message(method, params), timeout=60)
        return answer_in(self.last)


@pytest.mark.parametrize("transport", ["everything", "everything_stdio"])
def test_a_task_of_the_reference_server_is_its_creators_alone(
    transport: str, request: pytest.FixtureRequest, issuer: AuthorizationServer
) -> None:
    service: Service = request.getfixturevalue(transport)
    ada = Session(service, token_for(service, issuer, sub="ada"))
    task_id = ada.post("tools/call", **RESEARCH, task={"ttl": 60_000})["result"]["task"]["taskId"]
    assert ada.post("tasks/get", taskId=task_id)["result"]["taskId"] == task_id
    for not_hers in (task_id.partition(".")[2], "none"):  # such as the id that the MCP server knows
        assert ada.post("tasks/get", taskId=not_hers)["error"]["code"] == UNKNOWN
    for other in ({"sub": "bob"}, {"sub": "ada", "client_id": "another"}):
        others = Session(service, token_for(service, issuer, **other))
        for verb in ("get", "result", "cancel"):
            refused = others.post(f"tasks/{verb}", taskId=task_id)["error"]
            assert (refused["code"], refused["message"]) == (UNKNOWN, "There is no such task.")
    assert ada.post("tasks/list")["error"]["code"] == -32601
    cancelled = ada.post("tasks/cancel", taskId=task_id)["result"]
    assert (cancelled["taskId"], cancelled["status"]) == (task_id, "cancelled")


def test_a_client_of_the_typescript_sdk_runs_a_task_that_asks_for_input(
    everything: Service, issuer: AuthorizationServer
) -> None:
    token = token_for(everything, issuer, sub="typescript")
    arguments = json.dumps({"topic": "python", "ambiguous": True})
    command = [
        install.everything()[0],
        str(PROGRAM),
        everything.resource,
        token,
        "simulate-research-query",
        arguments,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["found"] == seen["created"]
    assert "error" not in seen
    assert "input_required" in seen["statuses"]
    assert "Research Report: python (" in seen["text"], "the answer to its question has arrived"
    assert not seen["list"]


def test_the_server_gets_its_own_id_in_body_and_header_from_every_process(
    issuer: AuthorizationServer, upstream: AuthorizationServer, scripted: Service, tmp_path: Path
) -> None:
    """A request of revision 2026-07-28 names the task in a header, too (SEP-2243)."""
    with gateway(issuer, tmp_path, f"{upstream.url}/mcp", resource=scripted.resource) as second:
        token = token_for(scripted, issuer, sub="ada")
        upstream.replies["/mcp"] = saying({"resultType": "task", "taskId": "t-\u2713", "status": "working"})
        task_id = modern(scripted, token, "tools/call", "slow")["result"]["taskId"]
        upstream.replies["/mcp"] = saying({"resultType": "complete", "taskId": "t-\u2713"})
        bob = token_for(scripted, issuer, sub="bob")
        for service in (scripted, second):
            assert modern(service, token, "tasks/get", task_id)["result"]["taskId"] == task_id
            forwarded = upstream.questions[-1]
            assert json.loads(forwarded.body)["params"]["taskId"] == "t-\u2713"
            assert forwarded.header_values("mcp-name") == ["=?base64?dC3inJM=?="]
            assert modern(service, bob, "tasks/get", task_id)["error"]["code"] == UNKNOWN
            assert upstream.questions[-1] is forwarded, "nothing of it reached the server"


def saying(result: dict[str, str]) -> Reply:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()
    return answer(200, body, "Content-Type: application/json")


def modern(service: Service, token: str, method: str, name: str) -> dict[str, Any]:
    member = "name" if method == "tools/call" else "taskId"
    meta = META | {"io.modelcontextprotocol/clientCapabilities": {"extensions": {EXTENSION: {}}}}
    headers = modern_headers(encode_header_value(name)) | {"Mcp-Method": method}
    host = {"Host": service.resource.split("/")[2]}
    response = httpx2.post(
        f"{service.origin}/mcp",
        headers=bearer(token) | headers | host,
        json=message(method, {"_meta": meta, member: name}),
        timeout=60,
    )
    return answer_in(response)

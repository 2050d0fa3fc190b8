"""A call that needs an approval reaches the MCP server only when the authorization server says so (GW-6)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.gateway.exchange import MESSAGE
from tests.gateway.upstreams import gateway
from tests.resource_service.authorization_server import AuthorizationServer, Question, answer_json
from tests.resource_service.service import Service, bearer, call, modern_headers, token_for

pytestmark = pytest.mark.requirement("GW-6")

PATH = "/call-approval"
POLICY = """
scopes: {use: Use the tools}
default: []
approve:
  pay: {by: self, unless: {arguments: {/amount: {max: 10}}}}
  "delete_*": group:ops
"""
USED = {"status": "used", "expires_in": 100}
LINKS: dict[str, Any] = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": {}}}}


@pytest.fixture(scope="module")
def server() -> Iterator[AuthorizationServer]:
    running = AuthorizationServer().start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def service(
    server: AuthorizationServer,
    scripted_upstream: AuthorizationServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    directory = tmp_path_factory.mktemp("approvals")
    policy = directory / "policy.yaml"
    policy.write_text(POLICY)
    settings = {"policy": str(policy), "pin": "off"}
    with gateway(server, directory, f"{scripted_upstream.url}/mcp", **settings) as running:
        yield running


class Asked:
    """Answers questions about approvals in turn, the last one again and again."""

    def __init__(self, server: AuthorizationServer, *answers: tuple[int, dict[str, Any]]) -> None:
        self.questions: list[Question] = []
        self._answers = list(answers)
        server.replies[PATH] = self._reply

    async def _reply(self, question: Question, writer: asyncio.StreamWriter) -> None:
        self.questions.append(question)
        status, document = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        await answer_json(document, status)(question, writer)


def pending(server: AuthorizationServer) -> dict[str, Any]:
    url = f"{server.url}/approve/id-1"
    return {"status": "pending", "approve_url": url, "elicitation_id": "id-1", "expires_in": 600}


def post(service: Service, token: str, message: object, **headers: str) -> httpx2.Response:
    headers = bearer(token) | MESSAGE | headers
    url = f"{service.origin}/mcp"
    return httpx2.post(url, headers=headers, json=message, timeout=30, trust_env=False)


def pay(**arguments: object) -> dict[str, Any]:
    params = {"name": "pay", "arguments": arguments}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


@pytest.fixture
def token(service: Service, server: AuthorizationServer, request: pytest.FixtureRequest) -> str:
    name = request.node.name
    return token_for(service, server, sub=f"sub-{name}", grant_id=f"grant-{name}")


@pytest.fixture
def upstream(scripted_upstream: AuthorizationServer) -> AuthorizationServer:
    scripted_upstream.questions.clear()
    scripted_upstream.replies.clear()
    result = {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "done"}]}}
    scripted_upstream.replies["*"] = answer_json(result)
    return scripted_upstream


@pytest.mark.parametrize(
    ("status", "document"),
    [
        (200, {"status": "denied"}),
        (200, {"status": "approved"}),
        (200, {"status": "USED"}),
        (200, {}),
        (200, {"status": "pending", "approve_url": "https://other.example/approve/1"}),
        (400, {"error": "invalid_token"}),
        (400, {"error": "invalid_request"}),
        (404, {"error": "not_found"}),
        (429, {"error": "temporarily_unavailable"}),
        (503, {"error": "temporarily_unavailable"}),
    ],
)
def test_nothing_runs_unless_the_approval_is_used(
    status: int,
    document: dict[str, Any],
    service: Service,
    server: AuthorizationServer,
    token: str,
    upstream: AuthorizationServer,
) -> None:
    Asked(server, (status, document))
    response = post(service, token, pay(amount=11))
    assert "done" not in response.text
    assert upstream.questions == []


def test_the_forwarded_message_is_what_was_approved(
    service: Service, server: AuthorizationServer, token: str, upstream: AuthorizationServer
) -> None:
    scripted = Asked(server, (200, USED))
    message = pay(to="bob", amount=11.0)
    message["params"]["_meta"] = {"progressToken": 1, "com.example/amount": 99}
    assert "done" in post(service, token, message).text
    (question,) = scripted.questions
    form = question.form
    assert form["call"] == '{"arguments":{"amount":11,"to":"bob"},"name":"pay"}'
    assert (form["approver"], form["use"], form["token"]) == ("self", "true", token)
    (forwarded,) = upstream.questions
    params = json.loads(forwarded.body)["params"]
    assert params.pop("_meta") == {"progressToken": 1}
    assert params == json.loads(form["call"])


@pytest.mark.parametrize("arguments", [{"amount": 10}, {"amount": 1.5}])
def test_no_approval_is_needed_where_the_condition_holds(
    arguments: dict[str, object],
    service: Service,
    server: AuthorizationServer,
    token: str,
    upstream: AuthorizationServer,
) -> None:
    scripted = Asked(server, (200, {"status": "denied"}))
    assert "done" in post(service, token, pay(**arguments)).text
    assert scripted.questions == []


@pytest.mark.parametrize("arguments", [{}, {"amount": "1"}, {"amount": 1, "AMOUNT": 99}, {"amount": None}])
def test_a_condition_that_cannot_be_read_does_not_spare_the_approval(
    arguments: dict[str, object],
    service: Service,
    server: AuthorizationServer,
    token: str,
    upstream: AuthorizationServer,
) -> None:
    Asked(server, (200, {"status": "denied"}))
    assert post(service, token, pay(**arguments)).json()["error"]["data"]["reason_code"] == "approval_denied"
    assert upstream.questions == []


def test_a_batch_a_notification_and_a_number_without_a_canonical_form_are_refused(
    service: Service, server: AuthorizationServer, token: str, upstream: AuthorizationServer
) -> None:
    scripted = Asked(server, (200, USED))
    notification = {name: value for name, value in pay(amount=11).items() if name != "id"}
    for message in ([pay(amount=11), pay(amount=1)], notification, pay(amount=2**60)):
        assert "done" not in post(service, token, message).text
    assert scripted.questions == []
    assert upstream.questions == []


def test_a_client_gets_the_link_as_it_can_use_it(
    service: Service, server: AuthorizationServer, token: str, upstream: AuthorizationServer
) -> None:
    Asked(server, (200, pending(server)))
    link = pending(server)["approve_url"]
    text = post(service, token, pay(amount=11)).json()["result"]
    assert text["isError"]
    assert link in text["content"][0]["text"]
    message = call("delete_it")
    message["params"]["_meta"] |= LINKS
    response = post(service, token, message, **modern_headers("delete_it"))
    result = response.json()["result"]
    assert result["resultType"] == "input_required"
    assert result["inputRequests"]["doorward_approve"]["params"]["url"] == link
    assert upstream.questions == []
    # Repeated once the link was opened: it waits for the approver, and only then uses the approval.
    scripted = Asked(server, (200, pending(server)), (200, {"status": "approved"}), (200, USED))
    message["params"] |= {
        "requestState": result["requestState"],
        "inputResponses": {"doorward_approve": {"action": "accept"}},
    }
    assert "done" in post(service, token, message, **modern_headers("delete_it")).text
    assert [question.form["use"] for question in scripted.questions] == ["false", "false", "true"]
    assert {question.form["approver"] for question in scripted.questions} == {"group:ops"}
    assert "requestState" not in upstream.questions[-1].body.decode()

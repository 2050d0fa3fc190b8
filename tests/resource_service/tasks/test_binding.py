"""A task id is good for the principal that created the task, and for nobody else (GW-8)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from resource_service.errors import Refusal
from resource_service.messages.jsonrpc import read_posted
from resource_service.principal import Principal
from resource_service.tasks.binding import TaskBinding
from resource_service.tasks.ids import TaskIds
from resource_service.tasks.results import TaskIdEditor

pytestmark = pytest.mark.requirement("GW-8")

RESOURCE = "https://mcp.example/mcp"
BINDING = TaskBinding(TaskIds.from_secret(RESOURCE, "s" * 32))
ADA = Principal(client_id="c", scopes=(), issuer="https://auth.example", expires_at=0, subject="ada")
OTHERS = {
    "person": replace(ADA, subject="bob"),
    "client": replace(ADA, client_id="d"),
    "nobody": replace(ADA, subject=None),
    "issuer": replace(ADA, issuer="https://other.example"),
}
V2: dict[str, Any] = {
    "_meta": {
        "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}}
    }
}
RELATED = "io.modelcontextprotocol/related-task"


VERBS = ("get", "result", "cancel", "update", "new")


def bound(task_id: str = "7", principal: Principal = ADA) -> str:
    return BINDING.ids.bound(task_id, principal.key)


def message(method: str, **params: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def sent(content: object, principal: Principal = ADA) -> Any:
    """Post `content` as a client, and return the message that the MCP server gets."""
    return json.loads(BINDING.read(read_posted(json.dumps(content).encode()), principal).posted.body)


def returned(request: object, response: object) -> Any:
    """Return the message that the client gets for a response of the MCP server."""
    tasks = BINDING.read(read_posted(json.dumps(request).encode()), ADA).tasks
    assert tasks is not None
    text = TaskIdEditor(tasks, lambda task_id: BINDING.ids.bound(task_id, ADA.key)).shortened(
        json.dumps(response).encode()
    )
    return response if text is None else json.loads(text)


def naming(task_id: object) -> list[dict[str, Any]]:
    """Every request that names a task."""
    return [
        *(
            message(f"tasks/{verb}", taskId=task_id, kept=1.5)
            for verb in ("get", "result", "cancel", "update", "new")
        ),
        message("subscriptions/listen", notifications={"taskIds": [task_id], "toolsListChanged": True}),
        message("tools/call", name="t", _meta={RELATED: {"taskId": task_id}, "other": 1}),
    ]


@pytest.mark.parametrize("number", range(7))
def test_its_principal_uses_it_in_every_request(number: int) -> None:
    assert sent(naming(bound())[number]) == naming("7")[number]


@pytest.mark.parametrize("number", range(7))
@pytest.mark.parametrize("other", OTHERS)
def test_nobody_else_uses_it_in_any(number: int, other: str) -> None:
    refusal = refused(naming(bound())[number], OTHERS[other])
    assert (refusal.reason.code, refusal.rpc_code) == ("task_unknown", -32602)


FORGED = ["7", ".7", f"{bound()[:-1]}8", f"{bound()} ", bound()[1:], bound().partition(".")[0], "\u2713.7"]


@pytest.mark.parametrize("task_id", [*FORGED, "", None, 7, [bound()]])
@pytest.mark.parametrize("number", range(7))
def test_ids_that_this_service_did_not_issue_are_unknown(number: int, task_id: object) -> None:
    assert refused(naming(task_id)[number]).reason.code == "task_unknown"


def test_a_task_of_another_resource_is_unknown() -> None:
    other = TaskIds("https://mcp.example/other", BINDING.ids.key)
    assert refused(message("tasks/get", taskId=other.bound("7", ADA.key))).reason.code == "task_unknown"


def refused(content: object, principal: Principal = ADA) -> Refusal:
    with pytest.raises(Refusal) as raised:
        sent(content, principal)
    return raised.value


def test_one_task_of_somebody_else_in_a_batch_refuses_the_batch() -> None:
    batch = [message("tasks/get", taskId=bound()), message("tasks/get", taskId=bound("8", OTHERS["person"]))]
    assert refused(batch).reason.code == "task_unknown"
    assert refused([message("ping"), message("tasks/list")]).rpc_code == -32601


@pytest.mark.parametrize("name", ["taskid", "TaskId", "taskids", "TASKIDS"])
def test_another_spelling_of_the_member_is_refused(name: str) -> None:
    for params in ({name: "7"}, {"notifications": {name: ["7"]}}):
        with pytest.raises(ValueError, match="mistake the member"):
            read_posted(json.dumps(message("tasks/get", **params)).encode())


CREATED = [
    (message("tools/call", name="t", **V2), {"resultType": "task", "taskId": "@", "status": "working"}),
    (message("tools/call", name="t", task={"ttl": 5}), {"task": {"taskId": "@", "status": "working"}}),
]


def with_id(value: object, task_id: str) -> Any:
    """`value` with `task_id` in place of each @."""
    return json.loads(json.dumps(value).replace("@", task_id))


@pytest.mark.parametrize(("request_", "result"), CREATED, ids=["2026-07-28", "2025-11-25"])
def test_the_client_gets_the_id_of_a_task_that_its_request_created(request_: object, result: object) -> None:
    response = {"jsonrpc": "2.0", "id": 1, "result": result}
    assert returned(request_, with_id(response, "7")) == with_id(response, bound())
    assert returned(request_, [with_id(response, "7")]) == [with_id(response, bound())]


GET = message("tasks/get", taskId=bound())
ABOUT = {"_meta": {RELATED: {"taskId": "@"}}}


@pytest.mark.parametrize(
    "response",
    [
        {"id": 1, "result": {"taskId": "@", "status": "working"}},
        {"id": 1, "result": {"content": [], **ABOUT}},
        {"id": 1, "result": {"taskId": "@", "result": {"content": [], **ABOUT}}},
        {"method": "notifications/tasks/status", "params": {"taskId": "@", "status": "working"}},
        {"method": "notifications/tasks", "params": {"taskId": "@", "status": "working"}},
        {"id": 9, "method": "elicitation/create", "params": ABOUT},
        {"method": "notifications/x", "params": {"notifications": {"taskIds": ["@"]}}},
    ],
)
def test_what_the_server_says_about_a_named_task_has_the_id_of_the_client(response: dict[str, Any]) -> None:
    assert returned(GET, with_id(response, "7")) == with_id(response, bound())
    assert returned(GET, with_id(response, "8")) == with_id(response, "8"), "another task stays out of reach"


@pytest.mark.parametrize(
    "response",
    [
        {"id": 5, "method": "tasks/get", "params": {"taskId": "7"}},  # about a task that the client runs
        {"id": 1, "result": {"structuredContent": {"taskId": "7"}, "content": [{"text": "taskId 7"}]}},
        {"id": 1, "error": {"code": -32602, "message": "taskId", "data": {"taskId": "7"}}},
        {"id": 1, "result": {"tasks": [{"taskId": "7"}, {"taskId": "8"}]}},
        ["taskId", {"id": 1, "result": "taskId"}],
    ],
)
def test_everything_else_stays_as_it_is(response: object) -> None:
    assert returned(GET, response) == response


def test_a_result_without_a_task_creates_none_whatever_it_contains() -> None:
    response = {"jsonrpc": "2.0", "id": 1, "result": {"taskId": "7", "structuredContent": {"taskId": "7"}}}
    assert returned(CREATED[0][0], response) == response
    assert returned(CREATED[0][0], {**response, "id": "1"}) == {**response, "id": "1"}, (
        "the answer to something else"
    )


def test_numbers_pass_exactly() -> None:
    tasks = BINDING.read(read_posted(json.dumps(GET).encode()), ADA).tasks
    assert tasks is not None
    response = b'{"id":1,"result":{"taskId":"7","result":{"n":0.10000000000000000001,"m":1e2}}}'
    edited = TaskIdEditor(tasks, lambda _: "x").shortened(response)
    assert edited is not None
    assert b"0.10000000000000000001" in edited


def test_what_the_client_says_about_tasks_that_it_runs_stays_as_it_is() -> None:
    for content in (
        {"jsonrpc": "2.0", "id": 5, "result": {"taskId": "mine", "_meta": {RELATED: {"taskId": "mine"}}}},
        {"jsonrpc": "2.0", "method": "notifications/tasks/status", "params": {"taskId": "mine"}},
    ):
        assert sent(content) == content
    answered = {"jsonrpc": "2.0", "id": 5, "result": {"_meta": {RELATED: {"taskId": bound()}}}}
    assert sent(answered)["result"]["_meta"][RELATED]["taskId"] == "7"


def test_tasks_are_neither_listed_nor_offered_to_be() -> None:
    assert refused(message("tasks/list")).reason.code == "task_method_unavailable"
    capabilities: dict[str, Any] = {"tasks": {"list": {}, "cancel": {}}, "tools": {}}
    response = {"jsonrpc": "2.0", "id": 1, "result": {"capabilities": capabilities}}
    offered = returned(message("initialize", protocolVersion="2025-11-25"), response)["result"][
        "capabilities"
    ]
    assert offered == {"tasks": {"cancel": {}}, "tools": {}}


def test_a_request_that_accepts_no_task_creates_none() -> None:
    call = message("tools/call", name="t", arguments={"task": {}}, _meta={"x/tasks": {}})
    tasks = BINDING.read(read_posted(json.dumps(call).encode()), ADA).tasks
    assert tasks is not None
    assert not tasks.concern_results


def test_a_result_is_not_requested_in_the_revision_without_that_method() -> None:
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
    for task_id in (bound(), "unknown"):
        assert refused(message("tasks/result", taskId=task_id, _meta=meta)).rpc_code == -32601
    assert sent(message("tasks/get", taskId=bound(), _meta=meta))["params"]["taskId"] == "7"

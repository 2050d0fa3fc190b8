"""A server behind the joined URL speaks only for itself (GW-3)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from resource_service.joined.client_messages import NoSuchNameError, routed
from resource_service.joined.server_messages import JoinedMessages
from resource_service.messages.request_ids import key_of
from resource_service.policy.list_filter import UneditableError

pytestmark = pytest.mark.requirement("GW-3")
Json = dict[str, Any]


def messages(*, asks: bool = True) -> JoinedMessages:
    return JoinedMessages(
        mount="git",
        answers=lambda key: key == key_of(1),
        reports=lambda key: key == key_of("mine"),
        asks=asks,
        on_change=lambda: None,
    )


def edited(message: object) -> Any:
    text = json.dumps(message).encode()
    return json.loads(messages().shortened(text) or text)


@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "id": 2, "result": {}},
        {"jsonrpc": "2.0", "id": "1", "result": {}},
        {"id": 2, "result": {}},
        {"jsonrpc": "2.0", "id": 2, "error": {"code": 1, "message": "no"}},
        [{"jsonrpc": "2.0", "id": 1, "result": {}}],
        {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": "other"}},
        {"jsonrpc": "2.0", "id": True, "method": "ping"},
        {"jsonrpc": "2.0", "id": 1.5, "method": "ping"},
        {"jsonrpc": "2.0", "id": None, "method": "ping"},
    ],
)
def test_what_a_server_says_about_other_mounts_is_left_out(message: object) -> None:
    with pytest.raises(UneditableError):
        messages().shortened(json.dumps(message).encode())


def test_a_repeated_member_is_left_out() -> None:
    with pytest.raises(UneditableError):
        messages().shortened(b'{"jsonrpc":"2.0","id":1,"id":2,"result":{}}')


def test_without_a_session_a_server_asks_nothing() -> None:
    with pytest.raises(UneditableError):
        messages(asks=False).shortened(b'{"jsonrpc":"2.0","id":1,"method":"ping"}')


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"contents": [{"uri": "a://b"}]}, {"contents": [{"uri": "git+a://b"}]}),
        (
            {"content": [{"type": "resource", "resource": {"uri": "a:b"}}, {"type": "text", "text": "a:b"}]},
            {
                "content": [
                    {"type": "resource", "resource": {"uri": "git+a:b"}},
                    {"type": "text", "text": "a:b"},
                ]
            },
        ),
        (
            {"messages": [{"role": "user", "content": {"type": "resource_link", "uri": "a:b"}}]},
            {"messages": [{"role": "user", "content": {"type": "resource_link", "uri": "git+a:b"}}]},
        ),
        ({"resultType": "task", "taskId": "t"}, {"resultType": "task", "taskId": "git_t"}),
        ({"structuredContent": {"uri": "a:b"}}, {"structuredContent": {"uri": "a:b"}}),
    ],
)
def test_results_name_what_the_client_can_use(result: Json, expected: Json) -> None:
    assert edited({"jsonrpc": "2.0", "id": 1, "result": result})["result"] == expected


@pytest.mark.parametrize("request_id", [1, "1", "a_b", ""])
def test_a_request_of_a_server_and_its_answer_meet(request_id: object) -> None:
    message = {
        "jsonrpc": "2.0",
        "id": request_id,
        "method": "sampling/createMessage",
        "params": {"_meta": {"progressToken": 7}},
    }
    joined = edited(message)
    assert joined["params"]["_meta"]["progressToken"] == "git_7"
    answer = routed({"jsonrpc": "2.0", "id": joined["id"], "result": {}})
    assert answer is not None
    assert (answer.mount, answer.message["id"]) == ("git", request_id)
    progress = routed({"method": "notifications/progress", "params": {"progressToken": "git_7"}})
    assert progress is not None
    assert progress.message["params"]["progressToken"] == 7


@pytest.mark.parametrize(
    ("method", "params", "inner"),
    [
        ("tools/call", {"name": "git_a_b"}, {"name": "a_b"}),
        ("prompts/get", {"name": "git_"}, {"name": ""}),
        ("resources/read", {"uri": "git+a+b:c"}, {"uri": "a+b:c"}),
        (
            "completion/complete",
            {"ref": {"type": "ref/prompt", "name": "git_p"}},
            {"ref": {"type": "ref/prompt", "name": "p"}},
        ),
        (
            "completion/complete",
            {"ref": {"type": "ref/resource", "uri": "git+a:{b}"}},
            {"ref": {"type": "ref/resource", "uri": "a:{b}"}},
        ),
        ("tasks/get", {"taskId": "git_x"}, {"taskId": "x"}),
    ],
)
def test_a_request_is_for_the_mount_that_it_names(method: str, params: Json, inner: Json) -> None:
    route = routed({"method": method, "params": params})
    assert route is not None
    assert (route.mount, route.message["params"]) == ("git", inner)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("tools/call", {"name": 7}),
        ("tools/call", {}),
        ("resources/read", {"uri": "git_a:b"}),
        ("completion/complete", {"ref": {"type": "ref/prompt", "name": "git_p", "uri": "other+x"}}),
        ("notifications/progress", {"progressToken": "git_x"}),
        (
            "tasks/cancel",
            {"taskId": "git_x", "_meta": {"io.modelcontextprotocol/related-task": {"taskId": "b_y"}}},
        ),
    ],
)
def test_a_request_that_names_no_mount_is_refused(method: str, params: Json) -> None:
    with pytest.raises(NoSuchNameError):
        routed({"method": method, "params": params})


def test_an_answer_to_nothing_is_refused() -> None:
    with pytest.raises(NoSuchNameError):
        routed({"id": 7, "result": {}})

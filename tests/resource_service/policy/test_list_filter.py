"""Lists without what the caller may not use: the rules, and the bytes around them."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest
from starlette.types import Message, Receive, Scope, Send

from resource_service.policy import list_filter
from resource_service.policy.event_stream import Events
from resource_service.policy.listing import ListFilter, listed_in
from resource_service.policy.rules import Policy, Scopes

POLICY = Policy(
    scopes={"read": "Read", "admin": "Everything"},
    default=Scopes({"admin"}),
    tools={"get_*": Scopes({"read"})},
    prompts={"hello": Scopes({"read"})},
    resources={"notes://*": Scopes({"read"})},
    hide=True,
)
ASKED = [{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}]
TOOLS = {"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "get_x"}, {"name": "wipe"}]}}
SHORT = {"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "get_x"}]}}


def for_reader(messages: list[Any] | None = ASKED) -> ListFilter:
    return ListFilter(POLICY, ("read",), None if messages is None else listed_in(messages))


def shortened(message: Any, messages: list[Any] | None = ASKED) -> Any:
    """Return the filtered `message`; None if it is unchanged."""
    text = for_reader(messages).shortened(
        message if isinstance(message, bytes) else json.dumps(message).encode()
    )
    return None if text is None else json.loads(text)


@pytest.mark.parametrize(
    ("method", "member", "items", "left"),
    [
        (
            "tools/list",
            "tools",
            [{"name": "get_x"}, {"name": "GET_x"}, {"name": "wipe"}],
            [{"name": "get_x"}],
        ),
        ("prompts/list", "prompts", [{"name": "hello"}, {"name": "bye"}], [{"name": "hello"}]),
        ("resources/list", "resources", [{"uri": "notes://1"}, {"uri": "keys://1"}], [{"uri": "notes://1"}]),
        (
            "resources/templates/list",
            "resourceTemplates",
            [{"uriTemplate": "notes://{id}"}, {"uriTemplate": "{any}"}],
            [{"uriTemplate": "notes://{id}"}],
        ),
    ],
)
def test_a_list_is_left_with_what_the_caller_may_use(
    method: str, member: str, items: list[Any], left: list[Any]
) -> None:
    messages = [{"id": "a", "method": method}]
    answer = {"jsonrpc": "2.0", "id": "a", "result": {member: items, "nextCursor": "2", "other": [items]}}
    expected = {**answer, "result": {member: left, "nextCursor": "2", "other": [items]}}
    assert shortened(answer, messages) == expected
    assert shortened(answer, None) == expected
    assert (
        ListFilter(POLICY, ("admin", "read"), listed_in(messages)).shortened(json.dumps(answer).encode())
        is None
    )


@pytest.mark.parametrize(
    "answer",
    [
        {**TOOLS, "id": 2},
        {**TOOLS, "id": "1"},
        {**TOOLS, "method": "sampling/createMessage"},
        {"jsonrpc": "2.0", "id": 1, "error": TOOLS["result"]},
        {"jsonrpc": "2.0", "id": 1, "result": {"prompts": [{"name": "bye"}]}},
        {"jsonrpc": "2.0", "id": 1, "result": {"tools": {"name": "wipe"}}},
        {"jsonrpc": "2.0", "id": 1, "result": {"tools": [7, {"title": "wipe"}, {"name": 7}]}},
        {"jsonrpc": "2.0", "id": 1, "result": [TOOLS]},
        [{"jsonrpc": "2.0", "id": 7, "result": {}}],
        7,
        b"not JSON",
        b'{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"wipe"},{"name":"get_x","n":NaN}]}}',
        b'{"id":1,"result":{"tools":' + b"[" * 100_000,
        b"",
        b"\xff",
    ],
)
def test_responses_that_are_not_requested_lists_stay_unchanged(answer: Any) -> None:
    assert shortened(answer) is None


def test_each_answer_of_a_batch_is_seen_to() -> None:
    messages = [*ASKED, {"id": "1", "method": "prompts/list"}, {"id": 3, "method": "tools/call"}]
    prompts = {"id": "1", "result": {"prompts": [{"name": "bye"}]}}
    called = {"id": 3, "result": {"tools": [{"name": "wipe"}]}}
    left = [SHORT, {"id": "1", "result": {"prompts": []}}, called]
    assert shortened([TOOLS, prompts, called], messages) == left


def test_a_list_that_is_made_for_one_caller_is_not_said_to_be_for_all() -> None:
    everything = {"id": 1, "result": {"tools": [{"name": "get_x"}], "cacheScope": "public", "ttlMs": 5}}
    answer = shortened(everything)
    assert answer["result"] == {"tools": [{"name": "get_x"}], "cacheScope": "private", "ttlMs": 5}


@pytest.mark.requirement("RS-4")
@pytest.mark.parametrize("lacking", ["tool", "method", "every"])
def test_what_a_call_needs_is_what_the_list_needs(lacking: str) -> None:
    policy = Policy(
        scopes={"tool": "This tool", "method": "Any tool", "every": "Anything"},
        default=Scopes(),
        tools={"get_x": Scopes({"tool"})},
        methods={"tools/call": Scopes({"method"})},
        required=Scopes({"every"}),
    )
    answer = json.dumps({"id": 1, "result": {"tools": [{"name": "get_x"}]}}).encode()
    everything = ("tool", "method", "every")
    granted = tuple(scope for scope in everything if scope != lacking)
    assert ListFilter(policy, everything, None).shortened(answer) is None
    assert ListFilter(policy, granted, None).shortened(answer) == b'{"id":1,"result":{"tools":[]}}'


def streamed(stream: bytes, chunk_bytes: int, *, max_bytes: int = 1_000_000) -> bytes:
    events = Events(for_reader().shortened, max_bytes=max_bytes)
    chunks = [stream[start : start + chunk_bytes] for start in range(0, len(stream), chunk_bytes)]
    return b"".join([*map(events.feed, chunks), events.rest()])


@pytest.mark.parametrize("chunk_bytes", [1, 2, 3, 7, 10_000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_in_a_stream_only_the_data_of_the_list_is_replaced(end: bytes, chunk_bytes: int) -> None:
    text = json.dumps(TOOLS, indent=1).encode().splitlines()
    lines = [b"id: 7", b"event: message", *(b"data: " + line for line in text), b"retry: 5", b""]
    before = end.join([b": hello", b"", b"data:", b"data: {}", b"", b"data", b"", b"", b""])
    after = end.join([b'data: {"id": 2, "result": {"tools": [{"name": "wipe"}]}}', b"", b"data: half"])
    stream = before + end.join([*lines, b""]) + after
    data = json.dumps(SHORT, separators=(",", ":")).encode()
    expected = end.join([b"id: 7", b"event: message", b"data: " + data, b"retry: 5", b"", b""])
    assert streamed(stream, chunk_bytes) == before + expected + after


@pytest.mark.parametrize("chunk_bytes", [1, 5, 1_000])
def test_an_event_that_is_too_large_passes_as_it_is_and_the_next_is_seen_again(chunk_bytes: int) -> None:
    event = b"data: %s\n\n" % json.dumps(TOOLS).encode()
    large = b"data: %s\r\n\r\n" % (b"x" * 5_000)
    short = b"data: %s\n\n" % json.dumps(SHORT, separators=(",", ":")).encode()
    assert streamed(event + large + event, chunk_bytes, max_bytes=300) == short + large + short


def test_nothing_of_a_stream_is_kept_back_longer_than_to_the_end_of_its_event() -> None:
    events = Events(for_reader().shortened, max_bytes=1_000)
    assert events.feed(b": still there\n\n") == b": still there\n\n"
    assert events.feed(b"data: {}") == b""
    assert events.feed(b"\r\n\r") == b"data: {}\r\n\r"


def through(*messages: Message) -> list[Message]:
    """Return the messages that a client receives of an app's `messages`."""
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    async def receive() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    async def run() -> None:
        await list_filter.with_filtered_lists(app, for_reader())(
            {"type": "http", "headers": []}, receive, send
        )

    anyio.run(run)
    return sent


def started(content_type: bytes, *fields: tuple[bytes, bytes], status: int = 200) -> Message:
    return {
        "type": "http.response.start",
        "status": status,
        "headers": [(b"Content-Type", content_type), *fields],
    }


def body(content: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}


LIST = json.dumps(TOOLS).encode()
SHORTER = json.dumps(SHORT, separators=(",", ":")).encode()


def test_a_json_answer_is_shortened_with_its_length() -> None:
    start = started(
        b"application/json; charset=utf-8", (b"Content-Length", b"%d" % len(LIST)), (b"ETag", b'"1"')
    )
    answer, content = through(start, body(LIST[:9], more=True), body(LIST[9:]))
    assert content == body(SHORTER)
    assert answer["headers"] == [
        (b"Content-Type", b"application/json; charset=utf-8"),
        (b"content-length", b"%d" % len(SHORTER)),
    ]


@pytest.mark.parametrize(
    ("start", "content"),
    [
        (started(b"application/json", (b"content-length", b"2"), (b"etag", b'"1"')), b"{}"),
        (started(b"application/json", (b"content-encoding", b"gzip")), LIST),
        (started(b"application/json", status=404), b'{"error": 1}'),
        (started(b"text/plain"), LIST),
        (started(b"text/event-stream", (b"content-encoding", b"br")), b"data: %s\n\n" % LIST),
        (started(b"text/event-stream", (b"content-length", b"1")), b"data: %s\n\n" % LIST),
    ],
)
def test_any_other_answer_passes_as_it_is(start: Message, content: bytes) -> None:
    assert through(start, body(content)) == [start, body(content)]


def test_an_answer_that_is_too_large_passes_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_filter, "MAX_BYTES", 20)
    start = started(b"application/json")
    sent = through(start, body(LIST[:15], more=True), body(LIST[15:30], more=True), body(LIST[30:]))
    assert sent[0] == start
    assert b"".join(message["body"] for message in sent[1:]) == LIST
    assert [message["more_body"] for message in sent[1:]] == [True, False]
    assert through(start, body(b" " * 20, more=True)) == [start, body(b" " * 20, more=True)]
    at_the_limit = through(start, body(b" " * 20, more=True), body(b""))
    assert at_the_limit == [start, body(b" " * 20)]
    whole = through(start, body(LIST))
    assert (b"".join(message["body"] for message in whole[1:]), whole[-1]["more_body"]) == (LIST, False)


def test_an_answer_is_whole_unless_it_says_that_there_is_more() -> None:
    message = {"type": "http.response.body", "body": LIST}
    assert through(started(b"application/json"), message)[1] == body(SHORTER)


def test_an_answer_that_breaks_off_is_passed_on_as_broken_off() -> None:
    start = started(b"application/json", (b"content-length", b"%d" % len(LIST)))
    assert through(start, body(LIST[:30], more=True)) == [start, body(LIST[:30], more=True)]
    assert through() == []


def test_a_stream_is_passed_on_as_its_events_end() -> None:
    start, event = started(b"text/event-stream"), b"data: %s\n\n" % LIST
    sent = through(start, body(event[:9], more=True), body(event[9:], more=True), body(b":x"))
    assert sent == [start, body(b"data: %s\n\n" % SHORTER, more=True), body(b":x")]
    assert through(start, {"type": "http.response.body", "body": event})[1:] == [
        body(b"data: %s\n\n" % SHORTER)
    ]


def test_other_messages_pass_and_the_answer_is_requested_as_it_is() -> None:
    seen: list[Any] = []
    other: Message = {"type": "http.response.debug", "info": {}}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend(scope["headers"])
        await send(other)

    async def receive() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:
        seen.append(message)

    headers = [(b"accept-encoding", b"gzip"), (b"accept", b"*/*")]
    filtered = list_filter.with_filtered_lists(app, for_reader())
    anyio.run(filtered, {"type": "http", "headers": headers}, receive, send)
    assert seen == [(b"accept", b"*/*"), (b"accept-encoding", b"identity"), other]

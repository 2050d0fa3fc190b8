"""JSON-RPC messages on the way through the stdio gateway, and between the revisions: pure functions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from resource_service.gateway import messages, older_revision
from resource_service.gateway.environment import environment_for, forwarded_environment
from resource_service.gateway.stderr import Throttle, printable
from resource_service.messages.forwarded_headers import to_client, to_upstream
from resource_service.principal import Principal
from shared.encoded_text import encoded
from tests.gateway.message_meta import META


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({"jsonrpc": "2.0", "id": 1, "method": "ping"}, "request"),
        ({"jsonrpc": "2.0", "id": "", "method": "ping"}, "request"),
        ({"jsonrpc": "2.0", "method": "ping"}, "notification"),
        ({"jsonrpc": "2.0", "id": 1, "result": {}}, "response"),
        ({"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": ""}}, "response"),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, None),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, None),
        ({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}, None),
        ({"jsonrpc": "2.0", "id": [1], "result": {}}, None),
        ({"jsonrpc": "2.0", "id": 1}, None),
        ({"jsonrpc": "2.0", "method": 1}, None),
        ({}, None),
        ([], None),
        ("ping", None),
        (None, None),
    ],
)
def test_a_message_is_of_one_kind_or_none(message: object, kind: str | None) -> None:
    assert messages.kind_of(message) == kind


def test_ids_of_different_types_are_different_ids() -> None:
    assert messages.id_key(1) != messages.id_key("1")


def test_a_message_is_one_line_by_any_definition_of_a_line() -> None:
    message = {"text": "a\u2028b\u2029c\x85d\ne\rf\x0bg\x1ch"}
    line = messages.write_line(message)
    assert line.decode().splitlines() == [line.decode()]
    assert json.loads(line) == message


@pytest.mark.parametrize(
    "line", [b"", b"Welcome!", b"[1]", b"7", b"null", b'{"a":NaN}', b"\xff", b"[" * 9_999]
)
def test_what_is_not_a_message_is_distinguished_from_what_is(line: bytes) -> None:
    assert messages.read_line(line) is None


def test_a_number_beyond_all_bounds_is_not_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        messages.write_line({"n": float("inf")})


@pytest.mark.parametrize(
    ("params", "older"),
    [
        ({"name": "x", "_meta": {**META, "progressToken": 1}}, {"name": "x", "_meta": {"progressToken": 1}}),
        ({"name": "x", "_meta": META}, {"name": "x"}),
        ({"name": "x"}, {"name": "x"}),
        ([1], [1]),
        ({"_meta": 7}, {"_meta": 7}),
    ],
)
def test_an_older_server_gets_nothing_it_has_no_place_for(params: Any, older: Any) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    assert older_revision.older_request(message) == {**message, "params": older}


def test_the_result_of_an_older_server_gets_what_the_current_revision_requires() -> None:
    listed = older_revision.newer_response("tools/list", {"id": 1, "result": {"tools": []}})
    caching = {"ttlMs": 0, "cacheScope": "private"}
    assert listed["result"] == {"resultType": "complete", **caching, "tools": []}
    called = older_revision.newer_response("tools/call", {"id": 1, "result": {"content": []}})
    assert called["result"] == {"resultType": "complete", "content": []}
    error = {"id": 1, "error": {"code": -32601, "message": ""}}
    assert older_revision.newer_response("tools/list", error) == error


def test_standard_error_cannot_pass_for_something_else_in_the_log() -> None:
    assert printable(b"\x1b[31mred\x1b[0m \x00\r") == "�[31mred�[0m �"
    assert len(printable(b"x" * 100_000)) == 1_000
    assert printable(b"\xff\xfe") == "��"


def test_a_throttle_allows_a_burst_and_then_a_rate() -> None:
    now = 0.0
    throttle = Throttle(10, 5, lambda: now)
    assert [throttle.allows() for _ in range(6)] == [True] * 5 + [False]
    now = 0.25
    assert [throttle.allows() for _ in range(3)] == [True, True, False]
    now = 1_000
    assert sum(throttle.allows() for _ in range(100)) == 5


@pytest.mark.requirement("RS-5")
def test_no_name_and_no_place_hides_a_token_from_the_filter() -> None:
    sent = [
        (b"authorization", b"Bearer secret-token"),
        (b"x-token", b"secret-token"),
        (b"x-json", b'{"t": "secret-token"}'),
        (b"accept", b"*/*"),
    ]
    assert to_upstream(sent) == [(b"accept", b"*/*"), (b"accept-encoding", b"identity")]


def test_what_connection_names_goes_no_further_in_either_direction() -> None:
    fields = [(b"connection", b"close, X-Hop"), (b"x-hop", b"1"), (b"x-stays", b"1")]
    assert to_upstream(fields, ("x-hop", "x-stays"))[0] == (b"x-stays", b"1")
    assert to_client([(name.title(), value) for name, value in fields]) == [(b"x-stays", b"1")]


@pytest.mark.requirement("RS-5")
def test_the_environment_of_a_command_holds_no_setting_of_ours() -> None:
    principal = Principal(
        client_id="client\n1",
        scopes=(),
        issuer="https://issuer.example",
        expires_at=0,
        subject="a\0b",
        username="jürgen\n",
    )
    environment = environment_for(principal, {"EXTRA": "1"})
    ours = {name: value for name, value in environment.items() if name.startswith("DOORWARD_")}
    assert ours == {
        "DOORWARD_SUBJECT": "a%00b",
        "DOORWARD_USERNAME": "j%C3%BCrgen%0A",
        "DOORWARD_CLIENT": "client%0A1",
    }
    itself = environment_for(
        Principal(
            client_id="client", scopes=(), issuer="https://issuer.example", expires_at=0, username="client"
        ),
        {},
    )
    assert {"DOORWARD_SUBJECT", "DOORWARD_USERNAME"}.isdisjoint(itself)
    assert environment["EXTRA"] == "1"
    assert forwarded_environment(("SET", "UNSET"), {"SET": "1", "OTHER": "2"}) == {"SET": "1"}


def test_plain_text_is_encoded_as_itself() -> None:
    assert encoded("user-1@example.com/|~") == "user-1@example.com/|~"

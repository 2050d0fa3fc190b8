"""The policy and the reading of messages, without a network."""

from __future__ import annotations

import json

import pytest

from resource_service.jsonrpc import MalformedMessageError, parse_messages
from resource_service.mcp_server.tools import POLICY
from resource_service.policy import Policy, Scopes


def calling(name: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name}}


def policy(**implies: set[str]) -> Policy:
    return Policy(
        scopes={name: name for name in ("admin", "write", "read")},
        tools={"get": Scopes({"read"}), "put": Scopes({"write"}), "copy": Scopes({"read", "write"})},
        implies={name: Scopes(narrower) for name, narrower in implies.items()},
    )


def test_a_batch_needs_what_all_its_messages_need_together() -> None:
    assert policy().needed([calling("get"), {"method": "ping"}, calling("put")]) == {"read", "write"}


def test_a_tool_may_need_several_scopes() -> None:
    assert policy().missing(policy().needed([calling("copy")]), ["read"]) == {"write"}


@pytest.mark.parametrize(
    "message",
    [
        calling("unknown"),
        calling("GET"),
        calling(["get"]),
        calling(None),
        {"method": "tools/list"},
        {"method": "TOOLS/CALL", "params": {"name": "get"}},
        {"method": "tools/call"},
        {"method": "tools/call", "params": ["get"]},
        "tools/call",
        7,
        None,
        [calling("get")],
    ],
)
def test_what_calls_no_known_tool_needs_no_scope(message: object) -> None:
    assert policy().needed([message]) == Scopes()


def test_a_scope_does_not_imply_another_unless_the_policy_says_so() -> None:
    assert policy().missing(Scopes({"read"}), ["write", "admin"]) == {"read"}
    assert policy(write={"read"}).missing(Scopes({"read"}), ["write"]) == Scopes()


def test_implication_goes_on_and_may_go_round() -> None:
    chained = policy(admin={"write"}, write={"read"}, read={"admin"})
    assert chained.closure(["admin"]) == {"admin", "write", "read"}


def test_a_policy_that_speaks_of_an_unknown_scope_is_refused() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        Policy(scopes={}, tools={"get": Scopes({"nowhere"})})
    with pytest.raises(ValueError, match="nowhere"):
        Policy(scopes={"read": ""}, tools={}, implies={"read": Scopes({"nowhere"})})


@pytest.mark.requirement("RS-4")
def test_in_the_built_in_policy_writing_does_not_imply_reading() -> None:
    assert POLICY.missing(POLICY.needed([calling("list_notes")]), ["notes:write"]) == {"notes:read"}


@pytest.mark.parametrize(
    "body", [b"[]", b'{"a":{"b":1},"c":{"b":2}}', b'{"n":1e400}', '{"ä":"\\ud83d"}'.encode()]
)
def test_json_that_means_one_thing_is_read(body: bytes) -> None:
    assert parse_messages(body) == (json.loads(body) if body == b"[]" else [json.loads(body)])


@pytest.mark.requirement("RS-4")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'method': 1}",
        b'{"method":"a","method":"b"}',
        b'{"params":{"name":"whoami","name":"add_note"}}',
        b'{"params":{"name":"whoami","n\\u0061me":"add_note"}}',
        b'[{"method":"a"},{"method":"a","method":"b"}]',
        b'{"n":NaN}',
        b'{"n":-Infinity}',
        b'{"n":' + b"9" * 5_000 + b"}",
        b"[" * 100_000,
        b"\xef\xbb\xbf{}",
        '{"method":"tools/call"}'.encode("utf-16"),
        '{"method":"tools/call"}'.encode("utf-32"),
        b'{"name":"\xff"}',
        b'{"a":1} {"b":2}',
        b'{"a":1,}',
        b"{/* comment */}",
    ],
)
def test_json_that_parsers_may_read_differently_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        parse_messages(body)

"""The policy and the reading of messages, without a network."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from resource_service.mcp_server.tools import POLICY
from resource_service.messages.jsonrpc import MalformedMessageError, read_posted
from resource_service.policy.rules import Policy, Scopes
from resource_service.policy.validation import PolicyError, faults_in


def calling(name: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name}}


def policy(**includes: set[str]) -> Policy:
    return Policy(
        scopes={name: name for name in ("admin", "write", "read")},
        default=Scopes({"admin"}),
        tools={"get": Scopes({"read"}), "put": Scopes({"write"}), "copy": Scopes({"read", "write"})},
        includes={name: Scopes(narrower) for name, narrower in includes.items()},
    )


def test_a_batch_needs_what_all_its_messages_need_together() -> None:
    assert policy().needed([calling("get"), {"method": "ping"}, calling("put")]) == {"read", "write"}


def test_a_tool_may_need_several_scopes() -> None:
    assert policy().missing(policy().needed([calling("copy")]), ["read"]) == {"write"}


def asking(method: str, **params: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


RULED = Policy(
    scopes={"read": "Read", "write": "Write", "admin": "Everything"},
    includes={"admin": Scopes({"write"}), "write": Scopes({"read"})},
    default=Scopes({"admin"}),
    tools={
        "get_*": Scopes({"read"}),
        "*_secret": Scopes({"write"}),
        "get_keys": Scopes({"admin"}),
        "whoami": Scopes(),
    },
    prompts={"hello": Scopes({"read"})},
    resources={"notes://*": Scopes({"read"}), "keys://*": Scopes({"admin"})},
    methods={"tasks/*": Scopes({"write"}), "tools/list": Scopes({"read"})},
)
NOTHING, READ, WRITE, ADMIN = Scopes(), Scopes({"read"}), Scopes({"write"}), Scopes({"admin"})


@pytest.mark.requirement("RS-4")
@pytest.mark.parametrize(
    ("message", "needed"),
    [
        (calling("get_note"), READ),
        (calling("get_secret"), READ),  # the first pattern that matches
        (calling("my_secret"), WRITE),
        (calling("get_keys"), ADMIN),  # spelled out: before every pattern
        (calling("whoami"), NOTHING),
        (calling("delete"), ADMIN),
        (asking("prompts/get", name="hello"), READ),
        (asking("prompts/get", name="get_note"), ADMIN),
        (asking("resources/read", uri="notes://1"), READ),
        (asking("resources/subscribe", uri="keys://1"), ADMIN),
        (asking("resources/unsubscribe", uri="file:///etc"), ADMIN),
        (asking("completion/complete", ref={"type": "ref/prompt", "name": "hello"}), READ),
        (asking("completion/complete", ref={"type": "ref/resource", "uri": "notes://{id}"}), READ),
        (
            asking("completion/complete", ref={"type": "ref/prompt", "name": "hello", "uri": "keys://1"}),
            READ | ADMIN,
        ),
        (asking("completion/complete", ref={"type": "ref/tool", "name": "hello"}), READ | ADMIN),
        (asking("completion/complete"), ADMIN),
        (asking("subscriptions/listen", notifications={"toolsListChanged": True}), NOTHING),
        (
            asking(
                "subscriptions/listen", notifications={"resourceSubscriptions": ["notes://1", "keys://1"]}
            ),
            READ | ADMIN,
        ),
        (asking("subscriptions/listen", notifications={"resource_subscriptions": ["notes://1"]}), READ),
        (asking("subscriptions/listen", notifications={"resourceSubscriptions": "notes://1"}), ADMIN),
        (asking("subscriptions/listen", notifications={"resourceSubscriptions": [7]}), ADMIN),
        (asking("tasks/result", taskId="1"), WRITE),
        (asking("tools/list"), READ),
        (asking("prompts/list"), NOTHING),
        (asking("initialize"), NOTHING),
        (asking("server/discover"), NOTHING),
        ({"jsonrpc": "2.0", "method": "notifications/initialized"}, NOTHING),
        ({"jsonrpc": "2.0", "id": 1, "result": {}}, NOTHING),
        ({"jsonrpc": "2.0", "id": 1, "error": {}}, NOTHING),
        (asking("vendor/anything"), ADMIN),
    ],
)
def test_what_a_message_names_decides_which_scopes_it_needs(message: object, needed: Scopes) -> None:
    assert RULED.needed([message]) == needed


@pytest.mark.requirement("RS-4", "SEC-11")
@pytest.mark.parametrize(
    "message",
    [
        calling("GET_note"),
        calling("get\uff3fnote"),
        calling(" get_note"),
        calling("\u200bget_note"),
        calling(["get_note"]),
        calling(None),
        calling({"name": "get_note"}),
        {"method": "TOOLS/CALL", "params": {"name": "get_note"}},
        {"method": "tools/call "},
        {"method": "tools/call"},
        {"method": "tools/call", "params": ["get_note"]},
        {"method": "tools/call", "params": {"Name": "get_note"}},
        {"method": "tools/call", "params": "get_note"},
        {"method": ["tools/call"], "params": {"name": "get_note"}},
        {"method": None, "result": {}},
        {"params": {"name": "get_note"}},
        asking("resources/read", uri=None),
        asking("resources/read"),
        "tools/call",
        7,
        None,
        [calling("get_note")],
        [],
    ],
)
def test_what_is_not_understood_needs_the_default(message: object) -> None:
    assert RULED.needed([message]) >= ADMIN


@pytest.mark.requirement("RS-4", "SEC-11")
@pytest.mark.parametrize(
    "uri",
    [
        "notes://mine/../../keys://1",
        "notes://../x",
        "notes://%2e%2e/x",
        "notes://%252e%252e%252fx",
        "NOTES://1/",
        "notes:\\\\1\\..\\..",
    ],
)
def test_a_uri_that_may_mean_another_needs_what_the_other_needs(uri: str) -> None:
    narrow = Policy(
        scopes={"read": "Read", "admin": "Everything"},
        default=ADMIN,
        resources={"notes://mine/*": READ, "notes://%*": READ, "notes:\\*": READ, "notes://.*": READ},
    )
    assert narrow.needed([asking("resources/read", uri=uri)]) >= ADMIN


def test_a_uri_in_plain_form_needs_only_what_its_rule_says() -> None:
    for uri in ("notes://mine/1", "notes://mine/a%20b/", "notes://mine/?q=..", "notes://mine/%C3%A9"):
        assert RULED.needed([asking("resources/read", uri=uri)]) == READ


@pytest.mark.requirement("RS-4")
def test_a_broader_scope_includes_narrower_ones_only_where_the_policy_says_so() -> None:
    assert policy().missing(READ, ["write", "admin"]) == READ
    assert policy(write={"read"}).missing(READ, ["write"]) == NOTHING
    assert RULED.closure(["admin"]) == {"admin", "write", "read"}
    assert RULED.missing(ADMIN | READ, ["write"]) == ADMIN


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"tools": {"get": {"nowhere"}}}, "'nowhere' is not one of the scopes"),
        ({"tools": {"get": {"raed"}}}, "did you mean 'read'"),
        ({"default": {"nowhere"}}, "'nowhere'"),
        ({"includes": {"read": {"nowhere"}}}, "'nowhere'"),
        ({"includes": {"nowhere": {"read"}}}, "'nowhere'"),
        ({"includes": {"read": {"read"}}}, "include itself: read includes read"),
        ({"includes": {"read": {"write"}, "write": {"read"}}}, "read includes write includes read"),
        ({"scopes": {"a b": "words"}, "default": ()}, "cannot be a scope"),
        ({"scopes": {'a"b': "words"}, "default": ()}, "cannot be a scope"),
        ({"scopes": {"ä": "words"}, "default": ()}, "cannot be a scope"),
        ({"scopes": {"": "words"}, "default": ()}, "cannot be a scope"),
        ({"scopes": {"openid": "words"}, "default": ()}, "of the authorization server"),
        ({"scopes": {"offline_access": "words"}, "default": ()}, "of the authorization server"),
        ({"scopes": {"read": " "}, "default": ()}, "needs a description"),
        ({"scopes": {"read": "a\nb"}, "default": ()}, "one line"),
        ({"scopes": {"read": "x" * 201}, "default": ()}, "one line"),
        ({"tools": {"": {"read"}}}, "it is empty"),
        ({"tools": {" get": {"read"}}}, "must not begin or end with a space"),
        ({"prompts": {"a\u200bb": {"read"}}}, "invisible character"),
        ({"resources": {"/etc/*": {"read"}}}, "begins with a scheme"),
        ({"resources": {"notes": {"read"}}}, "begins with a scheme"),
        ({"methods": {"*": {"read"}, "tasks/*": {"read"}}}, "put it first"),
        ({"tools": {"get_*": {"read"}, "get_*_note*": {"write"}}}, "put it first"),
        ({"tools": {"*_note": {"read"}, "get_*": {"read"}, "get_*_note": {"write"}}}, "put it first"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(wrong: dict[str, Any], says: str) -> None:
    members: dict[str, Any] = {"scopes": {"read": "Read", "write": "Write"}, "default": {"write"}, **wrong}
    members["default"] = Scopes(members["default"])
    for kind in ("tools", "prompts", "resources", "methods", "includes"):
        members[kind] = {name: Scopes(scopes) for name, scopes in members.get(kind, {}).items()}
    with pytest.raises(PolicyError, match=re.escape(says)):
        Policy(**members)


@pytest.mark.requirement("RS-4")
def test_in_the_built_in_policy_writing_does_not_imply_reading() -> None:
    assert POLICY.missing(POLICY.needed([calling("list_notes")]), ["notes:write"]) == {"notes:read"}


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'{"a":{"b":1},"c":{"b":2}}',
        b'{"n":1e400}',
        '{"params":{"arguments":{"ä":"\\ud83d"}}}'.encode(),
    ],
)
def test_json_that_means_one_thing_is_read(body: bytes) -> None:
    posted = read_posted(body)
    assert posted.is_batch == body.startswith(b"[")
    assert json.loads(posted.body) == json.loads(body)


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
        read_posted(body)


def test_a_pattern_that_an_earlier_one_takes_is_one_fault_whatever_stands_before_it() -> None:
    tools = {name: Scopes({"read"}) for name in ("get_x", "get_*", "g*", "get_a*")}
    policy = Policy(scopes={"read": "Read"}, default=Scopes({"read"}), tools={"get_x": Scopes({"read"})})
    object.__setattr__(policy, "tools", tools)
    assert [fault.place for fault in faults_in(policy)] == [("tools", "get_a*")]


def test_lists_are_complete_and_scopes_are_published_unless_the_policy_says_otherwise() -> None:
    assert (RULED.hide, RULED.publish) == (False, True)


def test_a_description_has_at_most_200_characters() -> None:
    Policy(scopes={"read": "x" * 200}, default=Scopes({"read"}))
    with pytest.raises(PolicyError, match="at most 200"):
        Policy(scopes={"read": "x" * 201}, default=Scopes({"read"}))

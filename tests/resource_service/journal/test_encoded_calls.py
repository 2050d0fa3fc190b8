"""Members of calls that are encoded once are the same, byte for byte, as those that are encoded each time."""

from __future__ import annotations

import random
from typing import Any

import pytest

from resource_service.journal.call_members import about_call, about_principal, about_request
from resource_service.journal.encoded_calls import EncodedCalls, repeated_call
from resource_service.policy.file import parse_policy
from resource_service.principal import Principal
from shared.journal.event import EncodedEvent, Event, EventKind, encoded_members

pytestmark = [pytest.mark.requirement("JR-1"), pytest.mark.requirement("JR-4")]

KEY = b"k" * 32
POLICIES = [
    parse_policy(b'{scopes: {a: A}, default: a, tools: {"read_*": a}, journal: {full: full, none: none}}'),
    parse_policy(b'{scopes: {a: A}, default: a, methods: {"tools/*": a}, journal: {"*": hash, read: keys}}'),
]
TOKEN = "dw_at_AAAAAAAAAAAAAAAAAAAAAAAA"
PRINCIPALS = [
    Principal(client_id="c", scopes=(), issuer="i", expires_at=1),
    Principal(
        client_id='"ü', scopes=(), issuer="i", expires_at=1, subject="s", grant_id="g", act={"sub": "a"}
    ),
]
VALUES: list[Any] = [1, "x", None, [1], {"inner": {"password": 1}}, True, 2**70]
NAMES = ["a", "b", "password", TOKEN, "ö", "x" * 200, "call", "subject"]


def call(chance: random.Random) -> tuple[str, dict[str, Any]]:
    """A call as a client may send it."""
    params: dict[str, Any] = {
        "name": chance.choice(["read", "read_it", "full", "none", "é\n", TOKEN, "n" * 300, 5])
    }
    if chance.random() < 0.8:
        names = chance.sample(NAMES, chance.randrange(len(NAMES)))
        arguments = {name: chance.choice(VALUES) for name in names}
        params["arguments"] = chance.choice([arguments, arguments, arguments, [1], "text"])
    if chance.random() < 0.6:
        info = {
            "name": chance.choice(["app", "", 5, TOKEN, "s" * 150]),
            "version": chance.choice(["1", None, 2]),
        }
        params["_meta"] = chance.choice([{"io.modelcontextprotocol/clientInfo": info}, {}, 5])
    if chance.random() < 0.2:
        params |= {"uri": "file:///x", "ref": {"name": "p"}, "clientInfo": {"name": "older"}}
    return chance.choice(["tools/call"] * 4 + ["prompts/get", "ping", ""]), params


def test_calls_have_the_same_members_whether_they_are_remembered_or_not() -> None:
    chance, encoded, repeated = random.Random(1), EncodedCalls("https://r", "/mcp", KEY), 0  # noqa: S311
    for _ in range(2_000):
        policy, each = chance.choice(POLICIES), call(chance)
        repeated += repeated_call(each, policy) is not None
        assert encoded.of_call(each, policy) == encoded_members(about_call(each, policy, KEY))
    assert 300 < repeated < 1_700


def test_entries_are_the_same_whether_their_members_are_encoded_before_or_not() -> None:
    chance, encoded = random.Random(2), EncodedCalls("https://r", "/mcp", KEY)  # noqa: S311
    for number in range(200):
        each, principal = call(chance), chance.choice(PRINCIPALS)
        fields = [(b"user-agent", b"agent/1"), (b"user-agent", b"other"), (b"traceparent", b"none")]
        scope = {"headers": chance.sample(fields, chance.randrange(4))}
        about = {
            "resource": "https://r",
            "mount": "/mcp",
            **about_principal(principal),
            **about_request(scope),
        }
        members = {**about, "bytes_in": 5, **about_call(each, POLICIES[0], KEY), "call": number}
        event = Event(kind=EventKind.CALL_BEGUN, time_ms=7, members=members)
        shared = encoded.of_request(scope, principal, bytes_in=5)
        parts = {**shared, **encoded.of_call(each, POLICIES[0]), **encoded_members({"call": number})}
        prepared = EncodedEvent(kind=EventKind.CALL_BEGUN, time_ms=7, call=number, members=parts)
        assert prepared.entry("p", 9) == event.entry("p", 9)
        assert prepared.call == event.call


def test_each_policy_decides_about_its_own_calls() -> None:
    encoded, each = (
        EncodedCalls("https://r", "/mcp", KEY),
        ("tools/call", {"name": "read", "arguments": {"a": 1}}),
    )
    first, second = (encoded.of_call(each, policy) for policy in POLICIES)
    assert first["rule"] == '"rule":"default"'
    assert second["rule"] == '"rule":"methods: tools/*, default"'

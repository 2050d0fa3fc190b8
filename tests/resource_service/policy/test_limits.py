"""The limits of a policy: what a file may say, and the calls that count against the same limit."""

from __future__ import annotations

import re
from typing import Any

import pytest

from resource_service.policy.file import parse_policy
from resource_service.policy.limits import Limits, Rate, explained, uses
from resource_service.policy.validation import PolicyError
from resource_service.principal import Principal

pytestmark = pytest.mark.requirement("GW-5")

HEAD = "scopes: {read: Read}\ndefault: read\nlimits:\n"
ALICE = Principal(client_id="c", scopes=(), issuer="i", expires_at=1, subject="alice")


def limits(text: str) -> Limits:
    return parse_policy(f"{HEAD}{text}".encode()).limits


def message(method: str = "tools/call", **params: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def principal(**members: Any) -> Principal:
    return Principal(**{"client_id": "c", "scopes": (), "issuer": "i", "expires_at": 1, **members})


def who(per: str, caller: Principal, name: str = "t") -> tuple[str, ...]:
    (use,) = uses(limits(f"  a: {{per: {per}, daily: 1}}"), caller, [message(name=name)])
    return use.who


def counted(selection: str, *messages: object) -> int:
    return uses(limits(f"  a: {{per: person, daily: 1, {selection}}}"), ALICE, messages).total()


def test_a_limit_has_a_rate_a_concurrency_and_a_budget_of_the_day() -> None:
    limit = limits("  a: {per: [person, tool], rate: 60/minute, concurrency: 3, daily: 500, tools: get_*}")[
        "a"
    ]
    assert (limit.rate, limit.concurrency, limit.daily) == (Rate(60, "minute"), 3, 500)
    assert limit.rate is not None
    assert limit.rate.window_s == 60
    assert limit.selected == {"tools": ("get_*",)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("  a: {rate: 1/minute}", "line 4: the limit 'a' does not say what it counts for"),
        ("  a: {per: person}", "line 4: the limit 'a' has none of rate, concurrency, daily"),
        ("  a: {per: persons, daily: 1}", "must be one of person, client, agent, tool, mount"),
        ("  a: {per: [], daily: 1}", "`per` of the limit 'a' is empty"),
        ("  a: {per: [tool, tool], daily: 1}", "names something twice"),
        ("  a: {per: [mount, tool], daily: 1}", "nothing can be beside it"),
        ("  a: {per: {x: person}, daily: 1}", "must be text"),
        ("  a: {per: person, rate: 10}", "must be like 60/minute; units: second, minute, hour"),
        ("  a: {per: person, rate: 10/day}", "must be like 60/minute"),
        ("  a: {per: person, rate: 0/minute}", "must be like 60/minute"),
        ("  a: {per: person, rate: -1/minute}", "must be like 60/minute"),
        ("  a: {per: person, rate: 1.5/minute}", "must be like 60/minute"),
        ("  a: {per: person, rate: ١/minute}", "must be like 60/minute"),
        ("  a: {per: person, rate: 99999999999/minute}", "must be like 60/minute"),
        ("  a: {per: person, rate: [1/minute]}", "must be text"),
        ("  a: {per: person, concurrency: 0}", "must be a number from 1 to 10000"),
        ("  a: {per: person, concurrency: many}", "must be a number from 1 to 10000"),
        ("  a: {per: person, daily: 0}", "must be a number from 1 to 1000000000"),
        ("  a: {per: person, daily: 1e3}", "must be a number"),
        ("  a: {per: person, budget: 1}", "line 4: 'budget' is not part of a limit"),
        ("  a: {per: person, dayly: 1}", "did you mean 'daily'?"),
        ("  a: {per: person, daily: 1, tools: []}", "selects nothing"),
        ("  a: {per: person, daily: 1, tools: [x, x]}", "names a pattern twice"),
        ("  a: {per: person, daily: 1, tools: ['']}", "'' can never match"),
        ("  a: {per: person, daily: 1, resources: /etc}", "begins with a scheme"),
        ("  '': {per: person, daily: 1}", "'' cannot name a limit"),
        (f"  {'a' * 101}: {{per: person, daily: 1}}", "cannot name a limit"),
        ("  a: 5/minute", "the limit 'a' must be a list of"),
        ("  - a", "limits must be a list of `name: value` lines"),
        ("\n".join(f"  a{n}: {{per: person, daily: 1}}" for n in range(51)), "there are 51 limits"),
        ("  a: {per: person, daily: 1}\n  a: {per: person, daily: 2}", "line 5: 'a' appears twice"),
    ],
)
def test_a_limit_that_cannot_be_meant_is_refused(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(says)):
        limits(text)


def test_a_person_is_the_same_through_every_client_and_a_client_for_every_person() -> None:
    alice, again = principal(subject="alice"), principal(subject="alice", client_id="d")
    bob, robot = principal(subject="bob"), principal()
    assert who("person", alice) == who("person", again) != who("person", bob)
    assert who("client", alice) == who("client", bob) == who("client", robot) != who("client", again)
    assert len({who("person", each) for each in (alice, bob, robot)}) == 3
    assert who("person", alice) != who("person", principal(subject="alice", issuer="j"))


def test_an_agent_is_the_actor_of_the_token_or_else_the_client() -> None:
    agent = principal(subject="alice", act={"sub": "agent", "act": {"sub": "before"}})
    assert who("agent", agent) == who("agent", principal(subject="bob", act={"sub": "agent"}, client_id="d"))
    assert who("agent", agent) != who("agent", principal(act={"sub": "agent", "iss": "elsewhere"}))
    assert who("agent", principal(act={"sub": 7})) == who("agent", principal())
    assert who("agent", principal(act={"sub": "c"})) != who("agent", principal(client_id="c"))


def test_tools_have_counts_of_their_own_and_a_mount_has_one() -> None:
    assert who("tool", ALICE, "a") != who("tool", ALICE, "b")
    assert who("mount", ALICE, "a") == who("mount", principal(subject="bob"), "b")
    assert who("[person, tool]", ALICE) != who("[person, tool]", principal(subject="bob"))


def test_reading_resources_counts_as_one_tool_because_there_are_as_many_uris_as_a_caller_likes() -> None:
    each = limits("  a: {per: tool, daily: 1}")
    read = [message("resources/read", uri=f"x://{number}") for number in range(3)]
    assert list(uses(each, ALICE, read).values()) == [3]


@pytest.mark.parametrize(
    ("selection", "name", "count"),
    [
        ("tools: get_*", "get_x", 1),
        ("tools: get_*", "set_x", 0),
        ("tools: [a, b]", "b", 1),
        ("prompts: x", "x", 0),
    ],
)
def test_patterns_select_the_calls_that_count(selection: str, name: str, count: int) -> None:
    assert counted(selection, message(name=name)) == count


@pytest.mark.parametrize(
    "uri",
    [
        "file:///a/key",
        "file:///a/b/../key",
        "file:///%61/key",
        "file:///a/key?x",
        "file:///a/key#x",
        "FILE:///a/key",
        "file:///%" + "25" * 9 + "61",
        "x:" + "a" * 9_000,
    ],
)
def test_another_spelling_of_a_uri_does_not_avoid_its_limit(uri: str) -> None:
    assert counted("resources: file:///a/key", message("resources/read", uri=uri)) == 1
    assert counted("resources: file:///b/*", message("resources/read", uri="file:///a/key")) == 0


@pytest.mark.parametrize(
    ("method", "count"),
    [
        *(("tools/call", 1), ("prompts/get", 1), ("resources/read", 1), ("resources/subscribe", 1)),
        *(("tools/list", 0), ("ping", 0), ("initialize", 0), ("notifications/cancelled", 0)),
    ],
)
def test_calls_count_and_lists_do_not(method: str, count: int) -> None:
    assert uses(limits("  a: {per: mount, daily: 1}"), ALICE, [message(method)]).total() == count


@pytest.mark.parametrize(
    "odd", [7, None, "x", [], {}, {"method": 7}, {"method": "tools/list"}, {"result": {}}, {"error": {}}]
)
def test_other_messages_do_not_count(odd: object) -> None:
    assert uses(limits("  a: {per: mount, daily: 1}"), ALICE, [odd]).total() == 0


@pytest.mark.parametrize("params", [[], None, {"name": 7}, {"name": None}, {}])
def test_a_call_without_a_usable_name_counts(params: object) -> None:
    odd = {"method": "tools/call", "params": params}
    assert uses(limits("  a: {per: tool, daily: 1}"), ALICE, [odd]).total() == 1


def test_a_batch_counts_every_call_in_it() -> None:
    both = limits("  a: {per: person, daily: 1}\n  b: {per: tool, daily: 1}")
    counts = uses(both, ALICE, [message(name="x"), message(name="x"), message(name="y")])
    assert sorted((use.limit, count) for use, count in counts.items()) == [("a", 3), ("b", 1), ("b", 2)]


def test_the_sentence_names_the_limit_its_amount_and_what_it_counts_for() -> None:
    limit = limits("  a: {per: [person, tool], rate: 60/minute, concurrency: 3, daily: 9}")["a"]
    assert explained("a", limit, "rate") == (
        "The limit 'a' is reached: 60 calls per minute for each person and tool. The call was not run."
    )
    assert "3 calls at the same time" in explained("a", limit, "concurrency")
    assert "9 calls per day (UTC)" in explained("a", limit, "daily")

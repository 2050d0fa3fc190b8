"""Conditions on calls: arguments, callers and times; what cannot be read does not hold."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resource_service.policy.conditions import CallContext, hints_in, unmet
from resource_service.policy.file import parse_policy
from resource_service.policy.rules import Policy
from resource_service.policy.validation import PolicyError

pytestmark = pytest.mark.requirement("GW-7")

HEAD = "scopes: {read: Read, pay: {description: Pay, includes: read}}\ndefault: read\nwhen:\n"
WEDNESDAY = datetime(2026, 12, 2, 12, tzinfo=UTC)


def policy(text: str) -> Policy:
    return parse_policy(f"{HEAD}{text}\n".encode())


def call(arguments: object, name: object = "t") -> dict[str, Any]:
    return {"method": "tools/call", "params": {"name": name, "arguments": arguments}}


def caller(*scopes: str, groups: tuple[str, ...] = (), at: datetime = WEDNESDAY) -> CallContext:
    return CallContext(frozenset(scopes), frozenset(groups), at.timestamp())


def allows(test: str, arguments: object) -> bool:
    """Whether a call of a tool with one test of `/a` is allowed."""
    return unmet(policy(f"  t: {{arguments: {{/a: {test}}}}}").when, [call(arguments)], caller()) is None


@pytest.mark.parametrize(
    ("test", "value", "holds"),
    [
        ("x", "x", True),
        ("x", "X", False),
        ("[x, y]", "y", True),
        ("[x, y]", "z", False),
        ("{equals: 5}", 5, True),
        ("{equals: 5}", 5.0, True),
        ("{equals: 5}", "5", True),
        ("{equals: 5}", "5.0", False),
        ("{equals: true}", True, True),
        ("{equals: 1}", True, False),
        ("{equals: null}", None, True),
        ("{equals: x}", ["x"], False),
        ("{equals: x}", {"x": "x"}, False),
        ("{max: 100}", 100, True),
        ("{max: 100}", 100.01, False),
        ("{max: 100}", 10**30, False),
        ("{max: 100}", "50", False),
        ("{max: 100}", True, False),
        ("{max: 100}", None, False),
        ("{max: 100}", [50], False),
        ("{max: 0.3}", 0.3, True),
        ("{min: -1, max: 1}", -1, True),
        ("{min: -1, max: 1}", -2, False),
        ("{match: /srv/*}", "/srv/x", True),
        ("{match: [a*, b*]}", "bc", True),
        ("{match: a*}", "ba", False),
        ("{match: '*'}", 5, False),
        ("{optional: true, max: 5}", 6, False),
    ],
)
def test_an_argument_is_compared_by_its_type(test: str, value: object, *, holds: bool) -> None:
    assert allows(test, {"a": value}) is holds


def test_a_missing_argument_fails_unless_it_is_optional() -> None:
    for arguments in ({}, {"b": 1}, None, [], "a", [{"a": 1}]):
        assert not allows("{max: 5}", arguments)
    assert allows("{max: 5, optional: true}", {})


@pytest.mark.parametrize("name", ["A", "ａ", "a_", "-a", "a ", "ª"])
def test_a_similar_name_beside_an_argument_is_refused(name: str) -> None:
    assert not allows("{max: 5}", {"a": 1, name: 1})
    assert not allows("{max: 5, optional: true}", {name: 9})
    assert allows("{max: 5}", {"a": 1, "b": 9})


def test_a_pointer_goes_through_members_and_elements() -> None:
    when = policy("  t: {arguments: {/to/1/e~1~0x: y}}").when
    assert unmet(when, [call({"to": [{}, {"e/~x": "y"}]})], caller()) is None
    others: list[object] = [{"to": {"1": {}}}, {"to": [{"e/~x": "y"}]}, {"to": [0, "y"]}, {"to": [0, [1]]}]
    for other in others:
        assert unmet(when, [call(other)], caller()) is not None
    for index in ("01", "-1", "-", "1e0", "²"):
        assert unmet(policy(f"  t: {{arguments: {{/{index}: y}}}}").when, [call(["y", "y"])], caller())


def test_one_alternative_must_hold_as_a_whole() -> None:
    when = policy("  t:\n  - arguments: {/a: {max: 1}}\n  - {arguments: {/a: {max: 9}}, groups: [ops]}").when
    assert unmet(when, [call({"a": 1})], caller()) is None
    assert unmet(when, [call({"a": 2})], caller(groups=("ops",))) is None
    assert unmet(when, [call({"a": 10})], caller(groups=("ops",))) is not None
    failed = unmet(when, [call({"a": 2})], caller(groups=("dev",)))
    assert failed is not None
    assert (failed.pattern, failed.says) == ("t", ("/a must be at most 1",))


def test_each_call_of_a_batch_must_meet_its_condition() -> None:
    when = policy("  t: {arguments: {/a: 1}}\n  u*: {groups: ops}").when
    assert unmet(when, [call({"a": 1}), call({}, "free")], caller()) is None
    assert unmet(when, [call({"a": 1}), call({}, "u1")], caller()) is not None
    assert unmet(when, [call({"a": 1}), call({"a": 2})], caller()) is not None
    assert unmet(policy('  "*": {groups: ops}').when, [call({}, 5)], caller()) is not None


def test_an_exact_name_takes_precedence_and_then_the_first_pattern() -> None:
    when = policy("  d*: {groups: ops}\n  delete: {groups: dev}").when
    assert unmet(when, [call({}, "delete")], caller(groups=("dev",))) is None
    assert unmet(when, [call({}, "drop")], caller(groups=("dev",))) is not None


def test_scopes_may_be_included() -> None:
    rules = policy("  t: {scopes: read}")
    for granted, meets in (("pay", True), ("read", True), ("other", False)):
        assert (unmet(rules.when, [call({})], caller(*rules.closure([granted]))) is None) is meets


@pytest.mark.parametrize(
    ("hours", "at", "holds"),
    [
        ("08:00-18:00", "08:00", True),
        ("08:00-18:00", "18:00", False),
        ("08:00-18:00", "07:59", False),
        ("22:00-06:00", "23:00", True),
        ("22:00-06:00", "05:59", True),
        ("22:00-06:00", "06:00", False),
        ("12:00-24:00", "23:59", True),
    ],
)
def test_hours_begin_and_end_in_utc(hours: str, at: str, *, holds: bool) -> None:
    when = policy(f"  t: {{hours: '{hours}'}}").when
    hour, minute = map(int, at.split(":"))
    assert (unmet(when, [call({})], caller(at=WEDNESDAY.replace(hour=hour, minute=minute))) is None) is holds


@pytest.mark.parametrize(
    ("zone", "month", "hour", "holds"),
    [
        *(("Europe/Berlin", 12, 7, True), ("Europe/Berlin", 12, 16, True), ("Europe/Berlin", 12, 17, False)),
        *(("Europe/Berlin", 7, 6, True), ("Europe/Berlin", 7, 16, False), ("UTC", 7, 7, False)),
    ],
)
def test_hours_are_those_of_the_zone_in_summer_and_in_winter(
    zone: str, month: int, hour: int, *, holds: bool
) -> None:
    when = policy(f"  t: {{hours: '08:00-18:00', zone: {zone}}}").when
    at = datetime(2026, month, 2, hour, tzinfo=UTC)
    assert (unmet(when, [call({})], caller(at=at)) is None) is holds


def test_days_are_those_of_the_zone() -> None:
    when = policy("  t: {days: [thu], zone: Pacific/Auckland}").when
    assert unmet(when, [call({})], caller(at=WEDNESDAY)) is None
    assert str(when["t"][0]) == "it is thu"


@pytest.mark.parametrize(
    ("test", "annotations", "holds"),
    [
        ("readOnlyHint: true", {"readOnlyHint": True}, True),
        ("readOnlyHint: true", {}, False),
        ("readOnlyHint: true", None, False),
        ("readOnlyHint: true", "x", False),
        ("readOnlyHint: true", {"readOnlyHint": "true"}, False),
        ("readOnlyHint: true", {"readOnlyHint": 1}, False),
        ("destructiveHint: false", {}, False),
        ("destructiveHint: false, openWorldHint: true", {"destructiveHint": False}, True),
    ],
)
def test_annotations_are_those_of_the_approved_definition(
    test: str, annotations: object, *, holds: bool
) -> None:
    when = policy(f"  t: {{annotations: {{{test}}}}}").when
    approved = replace(caller(), hints_of={"t": hints_in({"annotations": annotations})}.get)
    assert (unmet(when, [call({})], approved) is None) is holds
    assert unmet(when, [call({})], caller()) is not None, "nothing is approved"


@pytest.mark.parametrize(
    "wrong",
    [
        "{zone: UTC}",
        "{hours: '08:00-18:00', zone: Mars/Olympus}",
        "{hours: '08:00-18:00', zone: ../etc/passwd}",
        "{hours: '08:00-18:00', zone: Europe}",
        "{annotations: {}}",
        "{annotations: {title: x}}",
        "{annotations: {readOnlyHint: maybe}}",
    ],
)
def test_a_zone_or_annotation_that_does_not_exist_is_an_error(wrong: str) -> None:
    with pytest.raises(PolicyError):
        policy(f"  t: {wrong}")


def test_days_are_those_of_the_week() -> None:
    when = policy("  t: {days: [mon, wed]}").when
    assert unmet(when, [call({})], caller()) is None
    assert unmet(when, [call({})], caller(at=WEDNESDAY.replace(day=3))) is not None


def test_groups_of_conditions_are_groups_of_the_policy() -> None:
    assert policy("  t: [{groups: ops}, {groups: [a, b]}]").groups == {"ops", "a", "b"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("  t: {}", "line 4: `when` of 't' has an alternative without a test"),
        ("  t: []", "has no alternative"),
        ("  t: {argument: {/a: 1}}", "'argument' is not part of a condition; did you mean 'arguments'?"),
        ("  t: {arguments: {}}", "are empty"),
        ("  t: {arguments: {a: 1}}", "'a' is not a JSON Pointer to an argument, such as /amount"),
        ("  t: {arguments: {/a~2: 1}}", "~ must be written as ~0"),
        ("  t: {arguments: {/a~: 1}}", "~ must be written as ~0"),
        (f"  t: {{arguments: {{{'/a' * 33}: 1}}}}", "more than 32 steps"),
        ("  t: {arguments: {/a: {maximum: 1}}}", "'maximum' is not a test of an argument"),
        ("  t: {arguments: {/a: {}}}", "/a needs a test"),
        ("  t: {arguments: {/a: {equals: 1, one_of: 2}}}", "equals or one_of, not both"),
        ("  t: {arguments: {/a: []}}", "/a could have no value"),
        ("  t: {arguments: {/a: {max: ten}}}", "a bound of /a is 'ten', and must be a number"),
        ("  t: {arguments: {/a: {max: nan}}}", "must be a number"),
        (f"  t: {{arguments: {{/a: {{max: {'9' * 41}}}}}}}", "must be a number"),
        ("  t: {arguments: {/a: {optional: yes}}}", "is neither true nor false"),
        ("  t: {hours: 8-18}", "must be like 08:00-18:00, UTC"),
        ("  t: {hours: '08:00-08:00'}", "must be a part of a day"),
        ("  t: {hours: '08:00-24:30'}", "must be a part of a day"),
        ("  t: {days: [sunday]}", "name 'sunday', and must be of mon, tue"),
        ("  t: {days: []}", "are empty"),
        ("  t: {groups: []}", "names nothing"),
        ("  t: {scopes: reed}", "'reed' is not one of the scopes; did you mean 'read'?"),
        ('  t: {groups: "*"}', "'*' cannot be a group"),
        ('  "t ": {groups: a}', "can never match"),
        ('  "*": {groups: a}\n  t*: {groups: b}', "'t*' can never match"),
    ],
)
def test_an_invalid_condition_is_an_error_of_the_policy(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(says)):
        policy(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("aAb1"), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_any_arguments_are_decided_and_only_numbers_pass_a_bound(arguments: object) -> None:
    allowed = allows("{max: 5}", json.loads(json.dumps(arguments)))
    value = arguments.get("a") if isinstance(arguments, dict) else None
    is_small = type(value) in (int, float) and value <= 5 and value != float("-inf")  # type: ignore[operator]
    assert allowed == (is_small and "A" not in arguments)  # type: ignore[operator]

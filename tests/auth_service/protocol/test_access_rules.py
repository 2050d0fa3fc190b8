"""Single access rules, without a store."""

from __future__ import annotations

import pytest

from auth_service.protocol.access import Access
from auth_service.protocol.access_document import InvalidAccessError, parse_access
from auth_service.protocol.access_rules import (
    parse_rule,
    rule_named,
    rules_of,
    with_rule,
    without_rule,
)

URL = "https://mcp.example/mcp"
RULES = parse_access(
    {
        "contact": "it@corp.example",
        "groups": {"ops": {URL: "*", "*": ["notes:read"]}},
        "people": {"ada@corp.example": {URL: ["notes:read"]}},
    }
)

pytestmark = pytest.mark.requirement("ID-3")


def test_the_rules_one_by_one_make_the_same_rules_again() -> None:
    again = Access(contact=RULES.contact)
    for rule in rules_of(RULES):
        again = with_rule(again, rule)
    assert again == RULES
    for rule in rules_of(RULES):
        assert rule_named(RULES, rule.rule_id) == rule
        again = without_rule(again, rule)
    assert again == Access(contact=RULES.contact)


def test_the_id_stays_when_the_scopes_change_and_differs_between_rules() -> None:
    ids = [rule.rule_id for rule in rules_of(RULES)]
    assert len(set(ids)) == len(ids) == 3
    changed = with_rule(RULES, parse_rule("group", "ops", URL, ["notes:write"]))
    assert [rule.rule_id for rule in rules_of(changed)] == ids
    assert changed.groups["ops"][URL] == {"notes:write"}
    assert changed.people == RULES.people


def test_a_name_is_the_same_rule_in_each_of_its_spellings() -> None:
    one, other = (parse_rule("person", name, URL, "*") for name in ("ADA@corp.example", "ada@corp.example"))
    assert one == other
    assert one.rule_id == other.rule_id


@pytest.mark.parametrize(
    "values",
    [
        ("everybody", "ops", URL, "*"),
        ("group", "not a group", URL, "*"),
        ("group", None, "no URL", "*"),
        ("person", "", URL, "*"),
        ("person", "ada", URL, []),
        ("person", "ada", URL, ["*"]),
        ("person", "ada", URL, "notes:read"),
        ("person", "ada", URL, None),
    ],
)
def test_what_the_file_refuses_is_refused(values: tuple[str, object, object, object]) -> None:
    with pytest.raises(InvalidAccessError):
        parse_rule(*values)


def test_there_are_no_more_rules_than_a_file_may_have() -> None:
    resources = {f"https://mcp{number}.example/mcp": "*" for number in range(100)}
    full = parse_access({"people": {"ada": resources}})
    with pytest.raises(InvalidAccessError, match="more than 100"):
        with_rule(full, parse_rule("person", "ada", URL, "*"))

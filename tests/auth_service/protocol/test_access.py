"""The scopes of a person at a resource, by the access rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auth_service.protocol.access import (
    ADMINISTRATORS,
    ALL,
    OPEN,
    Access,
    Held,
    PersonFacts,
    closed_access,
    default_access,
    narrowed_grant,
)
from auth_service.protocol.access_document import (
    MAX_ENTRIES,
    MAX_RESOURCES,
    MAX_SCOPES,
    MAX_TEXT,
    InvalidAccessError,
    access_document,
    parse_access,
    person_name,
)
from auth_service.protocol.grant import Grant

pytestmark = pytest.mark.requirement("ID-3")

NOTES, FILES = "https://notes.example/mcp", "https://files.example/mcp"
OWN = ("openid", "offline_access")
ADA = PersonFacts(
    subject="s-ada",
    username="Ada",
    email="ada@corp.example",
    provider_emails=frozenset({"google:ada@gmail.com"}),
    groups=frozenset({"ops", "okta:platform"}),
)


def rules(**document: Any) -> Access:
    return parse_access(document)


@pytest.mark.parametrize(
    "name",
    ["ada", "ADA", "ada@corp.example", "Ada@Corp.example", "subject:s-ada", "google:ada@gmail.com", "*"],
)
def test_a_person_may_be_named_in_every_way_that_only_they_can_have(name: str) -> None:
    held = rules(people={name: {NOTES: ["notes:read"]}}).held(ADA, NOTES)
    assert held.scopes == {"notes:read"}
    assert held.rules == (held.rules[0],)
    assert "notes:read" in held.rules[0]


@pytest.mark.parametrize(
    "name", ["bob", "s-ada", "google:ada@corp.example", "okta:ada@gmail.com", "subject:ada", "issuer:x"]
)
def test_other_names_are_somebody_else(name: str) -> None:
    assert not rules(people={name: {NOTES: "*"}}).held(ADA, NOTES).anything


@pytest.mark.parametrize("username", ["bob@corp.example", "subject:s-bob", "*", "google:bob@gmail.com"])
def test_a_username_is_never_taken_for_another_kind_of_name(username: str) -> None:
    thief = PersonFacts(subject="s-thief", username=username)
    access = rules(people={name: {NOTES: "*"} for name in (username, "bob") if name != "*"})
    assert not access.held(thief, NOTES).anything


def test_somebody_whom_an_issuer_asserts_is_named_by_the_issuer_or_the_subject() -> None:
    asserted = PersonFacts(subject="x_1", assertion_issuer="https://idp.example")
    for name in ("issuer:https://idp.example", "subject:x_1", "*"):
        assert rules(people={name: {NOTES: "*"}}).held(asserted, NOTES).anything
    assert not rules(people={"issuer:https://other.example": {NOTES: "*"}}).held(asserted, NOTES).anything


def test_all_rules_that_apply_add_up() -> None:
    access = rules(
        groups={"ops": {NOTES: ["notes:read"]}, "okta:platform": {"*": ["files:read"]}, "hr": {NOTES: "*"}},
        people={"ada": {NOTES: ["notes:write"]}},
    )
    held = access.held(ADA, NOTES)
    assert held.scopes == {"notes:read", "notes:write", "files:read"}
    assert len(held.rules) == 3
    assert access.held(ADA, FILES).scopes == {"files:read"}


def test_a_group_of_a_provider_is_not_the_local_group_of_that_name() -> None:
    assert not rules(groups={"platform": {NOTES: "*"}, "google:ops": {NOTES: "*"}}).held(ADA, NOTES).anything


@pytest.mark.parametrize("resource", [f"{NOTES}/", "HTTPS://Notes.example/mcp", "*"])
def test_a_resource_is_named_in_any_spelling_that_clients_may_use(resource: str) -> None:
    assert rules(people={"ada": {resource: "*"}}).held(ADA, NOTES).allows("anything")


def test_the_rules_that_apply_are_named() -> None:
    everything = {ALL: frozenset({"read"})}
    access = Access(groups={"ops": everything}, people={ALL: everything, "ada": everything})
    assert access.held(ADA, NOTES).rules == (
        "group ops may hold read at *",
        "everybody may hold read at *",
        "person ada may hold read at *",
    )


@pytest.mark.parametrize(
    ("mode", "demo_user", "access"),
    [
        (None, "demo", None),
        ("open", None, None),
        ("closed", None, closed_access()),
        ("closed", "demo", closed_access("demo")),
    ],
)
def test_without_rules_access_is_open_unless_the_operator_closes_it(
    mode: str | None, demo_user: str | None, access: Access | None
) -> None:
    assert default_access(mode, demo_user=demo_user) == access


def test_nobody_holds_what_no_rule_names() -> None:
    held = rules(people={"ada": {FILES: "*"}}).held(ADA, NOTES)
    assert (held.anything, held.allows("notes:read"), held.rules) == (False, False, ())


def test_the_rules_of_a_new_installation_admit_administrators_alone() -> None:
    access = closed_access()
    assert not access.held(ADA, NOTES).anything
    admin = replace(ADA, groups=frozenset({ADMINISTRATORS}))
    assert access.held(admin, NOTES).allows("notes:write")
    assert closed_access("Ada").held(ADA, NOTES).anything


@pytest.mark.parametrize(
    ("held", "scopes", "left"),
    [
        (Held(frozenset({"a"}), ("r",)), ("a", "b", "openid"), ("a", "openid")),
        (Held(frozenset({"*"}), ("r",)), ("a", "b"), ("a", "b")),
        (Held(frozenset({"c"}), ("r",)), ("a", "openid"), None),
        (Held(frozenset({"c"}), ("r",)), ("openid",), ("openid",)),
        (Held(), ("openid",), None),
        (Held(), (), None),
        (Held(frozenset({"*"}), ("r",)), (), ()),
        (OPEN, ("a", "openid"), ("a", "openid")),
    ],
)
def test_scopes_are_narrowed_to_the_rules_and_openid_scopes_alone_give_no_access(
    held: Held, scopes: tuple[str, ...], left: tuple[str, ...] | None
) -> None:
    assert held.narrowed(scopes, OWN) == left


def grant(*scopes: str, **members: Any) -> Grant:
    return Grant(
        grant_id="g",
        client_id="c",
        scopes=scopes,
        created_at=0,
        expires_at=9,
        state="active",
        resource=NOTES,
        **members,
    )


@pytest.mark.requirement("ID-4")
def test_a_grant_is_narrowed_with_all_its_generations_and_never_widened() -> None:
    before = grant("a", "b", narrowed={"3": "a b", "4": "b"})
    after = narrowed_grant(before, Held(frozenset({"a", "c"}), ("r",)), OWN)
    assert after is not None
    assert (after.scopes, after.scopes_of(3), after.scopes_of(4)) == (("a",), ("a",), ())
    assert narrowed_grant(after, OPEN, OWN) is after


@pytest.mark.requirement("ID-4")
def test_nothing_is_left_of_a_grant_whose_person_holds_nothing() -> None:
    assert narrowed_grant(grant("a", "openid"), Held(), OWN) is None


def test_the_groups_that_concern_a_resource_are_those_that_its_rules_name() -> None:
    access = rules(groups={"ops": {NOTES: "*"}, "hr": {FILES: "*"}, "all": {"*": ["x"]}})
    assert access.groups_named(NOTES) == {"ops", "all"}


BAD: list[tuple[object, str]] = [
    ([], "must be a mapping"),
    ({"group": {}}, "'group' is not a key of the access rules; did you mean 'groups'?"),
    ({"default": "open"}, "'default' is not a key"),
    ({"contact": "a\nb"}, "contact must be one line"),
    ({"groups": []}, "groups must map names"),
    ({"groups": {"two words": {NOTES: "*"}}}, "'two words' is not a valid group name"),
    ({"groups": {"okta:": {NOTES: "*"}}}, "'okta:' is not a group of a provider"),
    ({"groups": {"ops": {}}}, "groups: ops must map resources to scopes"),
    ({"groups": {"ops": {"notes": "*"}}}, "'notes' is not the URL of a resource"),
    ({"groups": {"ops": {NOTES: []}}}, 'needs "*" or a list'),
    ({"groups": {"ops": {NOTES: "notes:read"}}}, 'needs "*" or a list'),
    ({"groups": {"ops": {NOTES: ["*"]}}}, "'*' is not a scope"),
    ({"groups": {"ops": {NOTES: ["two words"]}}}, "'two words' is not a scope"),
    ({"groups": {1: {NOTES: "*"}}}, "1 is not the name of a group"),
    ({"people": {"ada:x": {NOTES: "*"}}}, "'ada:x' is not a person"),
    ({"people": {"ada@": {NOTES: "*"}}}, "'ada@' is not a person"),
    ({"people": {1: {NOTES: "*"}}}, "1 is not the name of a person"),
    ({"people": {"ada": {NOTES: "*"}, "ADA": {NOTES: "*"}}}, "people names 'ada' twice"),
    ({"people": {str(n): {NOTES: "*"} for n in range(MAX_ENTRIES + 1)}}, f"more than {MAX_ENTRIES}"),
]


@pytest.mark.parametrize(("document", "sentence"), BAD, ids=[sentence for _, sentence in BAD])
def test_rules_that_are_not_understood_are_refused_with_a_sentence(document: object, sentence: str) -> None:
    with pytest.raises(InvalidAccessError) as refused:
        parse_access(document)
    assert sentence in str(refused.value)


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(InvalidAccessError) as refused:
        rules(grops={}, groups={"a b": {NOTES: "*"}}, people={"ada": {NOTES: 1}})
    assert len(refused.value.problems) == 3
    assert str(refused.value) == "; ".join(refused.value.problems)


@pytest.mark.parametrize("more", [0, 1, 2])
def test_the_rules_have_limits(more: int) -> None:
    people = {str(number): {NOTES: "*"} for number in range(MAX_ENTRIES - 1 + more)}
    resources = {f"https://{number}.example": "*" for number in range(MAX_RESOURCES + more)}
    scopes = [f"scope-{number}" for number in range(MAX_SCOPES + more)]
    documents: list[dict[str, Any]] = [
        {"groups": {"ops": {NOTES: "*"}}, "people": people},
        {"people": {"ada": resources}},
        {"people": {"ada": {NOTES: scopes}}},
        {"contact": "x" * (MAX_TEXT + more)},
    ]
    for document in documents:
        if more:
            with pytest.raises(InvalidAccessError, match=r"more than|at most"):
                rules(**document)
        else:
            rules(**document)


def test_a_contact_has_at_least_one_character() -> None:
    with pytest.raises(InvalidAccessError, match="contact must be one line"):
        rules(contact="")


def test_rules_are_written_as_they_are_read() -> None:
    access = rules(
        contact="it@corp.example",
        groups={"ops": {NOTES: "*", FILES: ["b", "a"]}},
        people={"Ada@Corp.example": {"*": ["a"]}},
    )
    assert parse_access(access_document(access)) == access
    assert access_document(access)["groups"]["ops"] == {NOTES: "*", FILES: ["a", "b"]}


def test_a_name_is_compared_in_one_form() -> None:
    assert person_name("ADA") == person_name("ada")
    assert person_name("Ada@Corp.example") == "ada@corp.example"
    with pytest.raises(ValueError, match="is not a person"):
        person_name("no:thing")


@pytest.mark.requirement("GW-3", "ID-3")
@pytest.mark.parametrize(
    ("at_the_mount", "allowed"),
    [
        (["notes:read"], {"notes", "notes:notes:read"}),
        ("*", {"notes", "notes:notes:read", "notes:notes:write"}),
        (None, set()),
    ],
)
def test_a_joined_resource_gives_nothing_that_the_rules_for_the_mount_do_not(
    at_the_mount: object, allowed: set[str]
) -> None:
    joined = "https://mcp.example/all"
    resources = {joined: "*"} if at_the_mount is None else {joined: "*", NOTES: at_the_mount}
    held = rules(people={"ada": resources}).held(ADA, joined, {"notes": NOTES})
    scopes = ("notes", "notes:notes:read", "notes:notes:write")
    assert {scope for scope in scopes if held.allows(scope)} == allowed
    assert held.allows("other:read")
    assert not rules(people={"ada": {NOTES: "*"}}).held(ADA, joined, {"notes": NOTES}).anything

"""A first policy, from what a server says of itself, whatever that is."""

from __future__ import annotations

import pytest

from resource_service.policy.draft import draft, prefix_of, scope_of
from resource_service.policy.file import parse_policy
from resource_service.policy.server_inventory import ServerInventory, SurveyedTool
from resource_service.policy.validation import PolicyError

TOOLS = (
    SurveyedTool("get", "Reads", read_only=True),
    SurveyedTool("put", "Writes", read_only=False, destructive=False),
    SurveyedTool("wipe", "Destroys", read_only=False, destructive=True),
    SurveyedTool("odd", "Both", read_only=True, destructive=True),
    SurveyedTool("mute"),
)


@pytest.mark.requirement("RS-4")
def test_tools_get_the_scope_that_fits_what_they_say() -> None:
    policy = parse_policy(draft(ServerInventory(server="Notes", tools=TOOLS), "notes").encode())
    assert {name: set(scopes) for name, scopes in policy.tools.items()} == {
        "get": {"notes:read"},
        "put": {"notes:write"},
        "wipe": {"notes:admin"},
        "odd": {"notes:read"},
        "mute": {"notes:write"},
    }
    assert policy.default == {"notes:admin"}
    assert policy.closure(["notes:admin"]) == {"notes:read", "notes:write", "notes:admin"}


def test_without_anything_that_destroys_writing_is_the_broadest() -> None:
    policy = parse_policy(draft(ServerInventory(server="Notes", tools=TOOLS[:2]), "notes").encode())
    assert list(policy.scopes) == ["notes:read", "notes:write"]
    assert policy.default == {"notes:write"}
    nothing = parse_policy(draft(ServerInventory(server=""), "mcp").encode())
    assert not nothing.tools
    assert nothing.default == {"mcp:write"}


def test_resources_and_prompts_can_be_read_and_templates_become_patterns() -> None:
    survey = ServerInventory(
        server="x",
        prompts=("hello", "hello"),
        resources=("notes://all", "notes://one/7", "keys://1", "no uri", "notes://*"),
        templates=("notes://one/{id}", "notes://one/{id}/{part}", "{+any}", "https://{host}/x{?q}"),
    )
    policy = parse_policy(draft(survey, "x").encode())
    assert list(policy.prompts) == ["hello"]
    assert list(policy.resources) == ["notes://all", "keys://1", "notes://one/*", "https://*/x*"]
    assert policy.for_resource("file:///anything") == policy.default


HOSTILE = (
    "a: b",
    'quote " and \\ backslash',
    "'single'",
    "# comment",
    "*",
    "get_*",
    "&anchor",
    "!tag",
    "- item",
    "{flow}",
    "[flow]",
    "line\nbreak: notes:read",
    "nul\0",
    "\u202ebidi",
    "zero\u200bwidth",
    " space ",
    "",
    "snow☃man",
    "😀",
    "%TAG",
    "---",
    "...",
    "? key",
    "| block",
    "yes",
    "null",
    "1.0",
    "~",
    "x" * 500,
    "tab\there",
    "\ud800",
)


@pytest.mark.requirement("RS-4", "SEC-17")
@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_becomes_anything_but_a_name(name: str) -> None:
    victim = SurveyedTool("wipe", f"x\n  {name}: n:read", read_only=False, destructive=True)
    survey = ServerInventory(
        server=name,
        tools=(SurveyedTool(name, name, read_only=True), victim),
        prompts=(name,),
        resources=(f"n://{name}",),
        templates=(name,),
    )
    text = draft(survey, "n")
    policy = parse_policy(text.encode())
    assert policy.for_tool("wipe") == {"n:admin"}
    assert set(policy.tools) <= {name, "wipe"}
    assert policy.for_tool("anything else") == policy.default == {"n:admin"}
    assert policy.for_tool(name) in ({"n:read"}, {"n:admin"})
    assert set(policy.scopes) == {"n:read", "n:write", "n:admin"}
    assert all(line.isprintable() for line in text.splitlines())


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("Notes", "notes"), ("My Server 2!", "my-server-2"), ("", "mcp"), ("☃", "mcp"), ("--x--", "x")],
)
def test_scopes_begin_with_what_the_server_is_called(name: str, prefix: str) -> None:
    assert prefix_of(name) == prefix
    assert scope_of(TOOLS[0], prefix) == f"{prefix}:read"


@pytest.mark.parametrize("prefix", ["a b", 'a"b', "ä", "a\\b"])
def test_a_prefix_that_no_scope_may_have_is_refused(prefix: str) -> None:
    with pytest.raises(PolicyError, match="scope"):
        draft(ServerInventory(server="x", tools=TOOLS), prefix)


def test_a_server_with_very_many_resources_gets_a_policy_that_can_be_read() -> None:
    survey = ServerInventory(server="x", resources=tuple(f"notes://{number}" for number in range(5_000)))
    assert len(parse_policy(draft(survey, "x").encode()).resources) == 200

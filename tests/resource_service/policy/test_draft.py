"""A first policy, from what a server says of itself, whatever that is."""

from __future__ import annotations

import pytest

from resource_service.policy import draft as drafting
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


def test_a_draft_says_what_the_server_says_and_what_it_leaves_out() -> None:
    inventory = ServerInventory(
        server="Notes",
        tools=(
            SurveyedTool("get", "Reads", read_only=True),
            SurveyedTool("mute", "y" * 81),
            SurveyedTool("put", "z" * 80, read_only=False),
            SurveyedTool("put", f"{' ' * 999}ab", read_only=False),
            SurveyedTool("quiet", read_only=False),
            SurveyedTool("get_*"),
            SurveyedTool("x" * 200, "z" * 80, read_only=True),
            SurveyedTool("x" * 201),
        ),
        prompts=("hello", "", "*"),
        resources=("notes://1", "notes://\n"),
    )
    lines = draft(inventory, "n").splitlines()
    assert lines[0].startswith("# Draft of a policy for Notes, ")
    assert lines[lines.index("default: n:write") + 1 :] == [
        "# Left out, so that the default is needed: 2 tools whose names cannot be spelled here.",
        "",
        "tools:",
        "  get: n:read  # Reads",
        f"  mute: n:write  # says nothing about what it changes; {'y' * 79}…",
        "  put: n:write  # a",
        "  quiet: n:write",
        f"  {'x' * 200}: n:read  # {'z' * 80}",
        "# Left out, so that the default is needed: 2 prompts whose names cannot be spelled here.",
        "",
        "prompts:",
        "  hello: n:read",
        "# Left out, so that the default is needed: 1 resources whose names cannot be spelled here.",
        "",
        "resources:",
        "  notes://1: n:read",
        "",
        "# The first list of tools counts as approved; later changes wait for `doorward tools approve`.",
        "pin: first",
        "",
        "# Uncomment to hide from lists what the caller may not use.",
        "# hide: true",
        "",
        "# To let only members of a group use something, write for example",
        "#   NAME: {scopes: n:write, groups: [GROUP]}",
    ]
    complete = ServerInventory(server="", tools=TOOLS, prompts=("hello",), resources=("notes://1",))
    assert "Left out" not in draft(complete, "n")


@pytest.mark.parametrize(("server", "name"), [("", "n"), ("x" * 59 + "yz", "x" * 59 + "y")])
def test_the_server_is_called_by_its_name_up_to_60_characters_or_by_the_prefix(
    server: str, name: str
) -> None:
    assert f'n:read: "Read from {name}"' in draft(ServerInventory(server=server), "n")


@pytest.mark.parametrize("tools", [TOOLS, (*TOOLS, SurveyedTool("*"))])
def test_a_draft_that_would_mean_something_else_is_not_handed_out(
    tools: tuple[SurveyedTool, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = parse_policy(draft(ServerInventory(server="", tools=TOOLS[:2]), "notes").encode())
    monkeypatch.setattr(drafting, "parse_policy", lambda _: policy)
    with pytest.raises(AssertionError, match="wipe"):
        draft(ServerInventory(server="", tools=tools), "notes")


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
    [
        ("Notes", "notes"),
        ("My Server 2!", "my-server-2"),
        ("", "mcp"),
        ("☃", "mcp"),
        ("--x--", "x"),
        ("a" * 60 + "b", "a" * 60),
    ],
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

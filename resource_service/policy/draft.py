"""Draft a first policy from a server's own description. Pure.

All of the server's data is untrusted: names are quoted in the text or omitted, and its descriptions appear
only in comments, without characters that could end the comment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from resource_service.policy.file import parse_policy
from resource_service.policy.patterns import ANY, covers, is_exact
from resource_service.policy.rules import Policy
from resource_service.policy.server_inventory import ServerInventory, SurveyedTool

MAX_RESOURCES = 200
MAX_COMMENT = 80

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(:/{0,3}[A-Za-z0-9_.*-]+(/[A-Za-z0-9_.*-]+)*)?\Z")
_EXPRESSION = re.compile(r"\{[^{}]*\}")
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")

HEAD = """\
# Draft of a policy for {server}, derived from what the server says about its tools.
# Review every line before you use it: nobody has checked what the server says. `doorward policy check` shows
# what each scope allows.
"""


def prefix_of(name: str) -> str:
    """Derive the prefix of a server's scopes from its name."""
    return _NOT_IN_A_NAME.sub("-", name.lower()[:60]).strip("-") or "mcp"


def draft(inventory: ServerInventory, prefix: str) -> str:
    """Generate the text of a policy that separates tools that read, tools that write, and tools that delete.

    Args:
        prefix: the prefix of every scope.

    Raises:
        PolicyError: the prefix gives no valid policy.
    """
    text = "\n".join(_lines(inventory, prefix)) + "\n"
    _check(parse_policy(text.encode()), inventory, prefix)
    return text


def scope_of(tool: SurveyedTool, prefix: str) -> str:
    """Return the scope that fits a tool's annotations; without annotations, the tool is assumed to write."""
    if tool.read_only:
        return f"{prefix}:read"
    return f"{prefix}:admin" if tool.destructive else f"{prefix}:write"


def _lines(inventory: ServerInventory, prefix: str) -> Iterator[str]:
    read, write, admin = (f"{prefix}:{end}" for end in ("read", "write", "admin"))
    destroys = any(scope_of(tool, prefix) == admin for tool in inventory.tools)
    yield HEAD.format(server=_server_name(inventory, prefix))
    yield "scopes:"
    yield f"  {_key(read)}: {_quoted(f'Read from {_server_name(inventory, prefix)}')}"
    yield from _scope(write, f"Change things in {_server_name(inventory, prefix)}", read)
    if destroys:
        yield from _scope(
            admin, f"Delete things in {_server_name(inventory, prefix)}, and whatever else there is", write
        )
    yield ""
    yield "# Applies to everything that is not listed below, including future additions to the server."
    yield f"default: {_key(admin if destroys else write)}"
    yield from _tools(inventory.tools, prefix)
    yield from _rules("prompts", inventory.prompts, read)
    yield from _rules("resources", _resources(inventory), read)
    yield ""
    yield "# The first list of tools counts as approved; later changes wait for `doorward tools approve`."
    yield "pin: first"
    yield ""
    yield "# Uncomment to hide from lists what the caller may not use."
    yield "# hide: true"
    yield ""
    yield "# To let only members of a group use something, write for example"
    yield f"#   NAME: {{scopes: {_key(write)}, groups: [GROUP]}}"


def _scope(scope: str, description: str, included: str) -> Iterator[str]:
    yield f"  {_key(scope)}:"
    yield f"    description: {_quoted(description)}"
    yield f"    includes: [{_key(included)}]"


def _tools(tools: Iterable[SurveyedTool], prefix: str) -> Iterator[str]:
    named = [tool for tool in _distinct(tools) if _can_be_named(tool.name)]
    yield from _left_out("tools", len({tool.name for tool in tools}) - len(named))
    if named:
        yield ""
        yield "tools:"
    for tool in named:
        says = "" if tool.read_only is not None else "says nothing about what it changes; "
        yield f"  {_key(tool.name)}: {_key(scope_of(tool, prefix))}  # {says}{_comment(tool.about)}".rstrip(
            " #;"
        )


def _rules(kind: str, names: Iterable[str], scope: str) -> Iterator[str]:
    distinct = list(dict.fromkeys(names))
    named = [name for name in distinct if _can_be_named(name, pattern=kind == "resources")]
    yield from _left_out(kind, len(distinct) - len(named))
    if named:
        yield ""
        yield f"{kind}:"
    for name in named:
        yield f"  {_key(name)}: {_key(scope)}"


def _resources(inventory: ServerInventory) -> list[str]:
    """Return URIs and patterns, without those that others cover."""
    patterns: list[str] = []
    for template in inventory.templates:
        pattern = _EXPRESSION.sub(ANY, template)
        # A template that begins with a variable would match everything.
        if ":" in pattern.partition(ANY)[0] and not any(covers(other, pattern) for other in patterns):
            patterns = [other for other in patterns if not covers(pattern, other)]
            patterns.append(pattern)
    uris = [uri for uri in inventory.resources if is_exact(uri) and not any(covers(p, uri) for p in patterns)]
    return [*uris[:MAX_RESOURCES], *patterns]


def _left_out(kind: str, count: int) -> Iterator[str]:
    if count:
        yield f"# Left out, so that the default is needed: {count} {kind} whose names cannot be spelled here."


def _can_be_named(name: str, *, pattern: bool = False) -> bool:
    if not name or name != name.strip() or not name.isprintable() or len(name) > 200:
        return False
    return pattern and ":" in name.partition(ANY)[0] if pattern else is_exact(name)


def _distinct(tools: Iterable[SurveyedTool]) -> list[SurveyedTool]:
    return list({tool.name: tool for tool in tools}.values())


def _server_name(inventory: ServerInventory, prefix: str) -> str:
    return _printable(inventory.server)[:60] or prefix


def _key(text: str) -> str:
    return text if _PLAIN.match(text) else _quoted(text)


def _quoted(text: str) -> str:
    """Quote text as JSON, which YAML parses the same way as long as the text is printable."""
    return json.dumps(text, ensure_ascii=False)


def _printable(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text[:1_000]).split())


def _comment(text: str) -> str:
    text_on_one_line = _printable(text)
    return (
        text_on_one_line
        if len(text_on_one_line) <= MAX_COMMENT
        else f"{text_on_one_line[: MAX_COMMENT - 1]}…"
    )


def _check(policy: Policy, inventory: ServerInventory, prefix: str) -> None:
    """Verify that the generated policy has the intended meaning."""
    for tool in _distinct(inventory.tools):
        meant = {scope_of(tool, prefix)} if _can_be_named(tool.name) else policy.default
        if policy.for_tool(tool.name) != meant:
            raise AssertionError(f"the draft means something else by {tool.name!r}")

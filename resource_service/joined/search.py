"""Two tools in place of many: one finds tools, the other calls them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mcp.shared.inbound import find_invalid_x_mcp_header, mcp_param_headers, x_mcp_header_map
from starlette.types import Scope

from resource_service.joined.lists import JoinedList
from resource_service.joined.server_results import LEFT_OUT
from resource_service.messages.exact_json import dumps
from resource_service.messages.joined_names import CALL_TOOL, SEARCH_TOOLS
from resource_service.messages.jsonrpc import object_in
from resource_service.messages.mcp_parameters import PARAM

Json = dict[str, Any]

MAX_FOUND = 20
MAX_QUERY = 500
_WORD = re.compile(r"[^\W_]+")
_SHOWN = ("name", "title", "description", "inputSchema", "annotations")


def own_tools() -> list[Json]:
    """Return the definitions of the two tools."""
    return [
        {
            "name": SEARCH_TOOLS,
            "title": "Search tools",
            "description": (
                "Finds tools by words of their names and descriptions, best first. Returns their names, "
                f"descriptions and input schemas, {MAX_FOUND} at most. Call one with {CALL_TOOL}."
            ),
            "inputSchema": {
                "type": "object",
                "properties": {"query": {"type": "string", "maxLength": MAX_QUERY}},
                "required": ["query"],
            },
            "annotations": {"readOnlyHint": True},
        },
        {
            "name": CALL_TOOL,
            "title": "Call a tool",
            "description": f"Calls a tool that {SEARCH_TOOLS} has found; the arguments match its schema.",
            "inputSchema": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "arguments": {"type": "object"}},
                "required": ["name"],
            },
        },
    ]


def called(message: Mapping[str, Any]) -> Json:
    """Return the call that a call of `CALL_TOOL` asks for; it names no tool if that names none."""
    params = object_in(message, "params")
    wanted = object_in(params, "arguments")
    inner = {name: value for name, value in params.items() if name not in ("name", "arguments")}
    inner["name"] = wanted.get("name")
    if "arguments" in wanted:
        inner["arguments"] = wanted["arguments"]
    return {**message, "params": inner}


def with_parameters(scope: Scope, tools: JoinedList, params: Mapping[str, Any]) -> Scope:
    """Return the request with the headers that repeat arguments of the called tool (SEP-2243).

    The client cannot send them: it knows the schema of `CALL_TOOL` only. What it sent of them is left out.

    Args:
        tools: those of the mount. If the tool is not among them, there are no such headers.
        params: of the call of the tool, by its joined name.
    """
    fields = [field for field in scope["headers"] if not field[0].lower().startswith(PARAM.encode())]
    named = (tool for tool in tools.items if tool.get("name") == params.get("name"))
    schema: object = next(named, {}).get("inputSchema")
    if find_invalid_x_mcp_header(schema) is None:
        stated = mcp_param_headers(x_mcp_header_map(schema), object_in(params, "arguments"))
        fields += [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in stated.items()
        ]
    return {**scope, "headers": fields}


def found_tools(tools: JoinedList, arguments: object) -> Json:
    """Return the result of `SEARCH_TOOLS`: the tools that match the query.

    The tools that connect missing accounts are among them: what they lead to might match.
    """
    query = arguments.get("query") if isinstance(arguments, dict) else None
    words = _words(query[:MAX_QUERY]) if isinstance(query, str) else frozenset()
    if not words:
        return {"content": [{"type": "text", "text": "The query has no words."}], "isError": True}
    ranked = sorted(((_rank(tool, words), -place) for place, tool in enumerate(tools.items)), reverse=True)
    best = [tools.items[-place] for rank, place in ranked[:MAX_FOUND] if rank]
    best += [tool for tool in tools.connecting if tool not in best]
    described = [{name: tool[name] for name in _SHOWN if name in tool} for tool in best]
    result: Json = {"content": [{"type": "text", "text": dumps(described).decode()}]}
    if tools.left_out:
        result["_meta"] = {LEFT_OUT: dict(tools.left_out)}
    return result


def _rank(tool: Mapping[str, Any], words: frozenset[str]) -> int:
    """Return how well a tool matches: words of its name count three times as much."""
    name, about = _words(str(tool.get("name", ""))), _words(f"{tool.get('title')} {tool.get('description')}")
    return sum(3 * (word in name) + (word in about) for word in words)


def _words(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(text))

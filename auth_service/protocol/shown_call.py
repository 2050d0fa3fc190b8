"""The parameters of a call, as a person sees them who may approve it. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from auth_service.protocol.client import is_invisible
from shared.json_text import parse_json

MAX_INDENTED = 32_768


class UnreadableCallError(ValueError):
    """The parameters cannot be shown so that a person knows them."""


@dataclass(frozen=True, slots=True)
class ShownCall:
    """A call for people.

    Attributes:
        tool: its name.
        arguments: JSON, in which every character can be seen.
        others: the other parameters that the MCP server gets; empty if there are none.
    """

    tool: str
    arguments: str
    others: str = ""


def shown_call(call: str) -> ShownCall:
    """Return how a call is shown.

    Args:
        call: its parameters in canonical form.

    Raises:
        UnreadableCallError: it is not a call, or parsers may read it differently.
    """
    members = _members(call)
    name = members.pop("name", None)
    arguments = members.pop("arguments", {})
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise UnreadableCallError("the call needs a name, and arguments that are an object")
    others = _indented(members) if members else ""
    return ShownCall(visible(name), _indented(arguments), others)


def visible(text: str) -> str:
    """Return `text` with JSON escapes for characters that are not rendered or that reorder others."""
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    is_rendered = character == "\n" or (character.isprintable() and not is_invisible(character))
    return character if is_rendered else json.dumps(character)[1:-1]


def _indented(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=2)
    if len(text) > MAX_INDENTED:
        text = json.dumps(value, ensure_ascii=False)
    return visible(text)


def _members(call: str) -> dict[str, Any]:
    try:
        parse_json(call)
        members = json.loads(call, object_pairs_hook=_distinct)
    except ValueError as error:
        raise UnreadableCallError("the call is not JSON without repeated members") from error
    if not isinstance(members, dict):
        raise UnreadableCallError("the call is not an object")
    return members


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("repeated member")
    return members

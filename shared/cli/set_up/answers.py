"""The answers of the person on the set-up page, checked. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from shared.texts import Text

if TYPE_CHECKING:
    from resource_service.policy.server_inventory import ServerInventory, SurveyedTool

MAX_NAME = 100
MAX_SERVER = 2_000
Level = Literal["read", "write", "admin"]
LEVELS: tuple[Level, ...] = ("read", "write", "admin")


class AnswerError(ValueError):
    """The answer cannot be used; the message is for the person."""

    def __init__(self, message: Text) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class ChosenServer:
    """The MCP server to protect.

    Attributes:
        upstream: as in ``DOORWARD_UPSTREAM``; empty for the built-in one.
        name: on the consent page; empty to use the one that the server announces.
    """

    upstream: str = ""
    name: str = ""


def chosen_server(form: Mapping[str, str]) -> ChosenServer:
    """Return the server that a form names.

    Raises:
        AnswerError: it names none.
    """
    if form.get("kind") == "notes":
        return ChosenServer()
    server, name = form.get("server", "").strip(), form.get("name", "").strip()
    if not server:
        raise AnswerError(Text("Enter the URL of your MCP server, or the command that starts it."))
    if len(server) > MAX_SERVER or not server.isprintable():
        raise AnswerError(Text("The URL or command is too long, or contains an invalid character."))
    if len(name) > MAX_NAME or not name.isprintable():
        raise AnswerError(Text("The name is too long, or contains an invalid character."))
    return ChosenServer(_upstream(server), name)


def _upstream(server: str) -> str:
    scheme, separator, _ = server.partition("://")
    if not separator or not scheme.isalpha():
        return f"stdio:{server}"
    if scheme.lower() not in ("http", "https"):
        raise AnswerError(Text("The URL must begin with http:// or https://."))
    try:
        urlsplit(server)
    except ValueError:
        raise AnswerError(Text("This is not a valid URL.")) from None
    return server


def level_of(tool: SurveyedTool) -> Level:
    """Return the level that fits the annotations of a tool; without any, it is assumed to write."""
    if tool.read_only:
        return "read"
    return "admin" if tool.destructive else "write"


def with_levels(inventory: ServerInventory, form: Mapping[str, str]) -> ServerInventory:
    """Return the inventory with the levels that a form names for its tools, by their position."""
    tools = [_with_level(tool, form.get(f"tool-{number}", "")) for number, tool in enumerate(inventory.tools)]
    return replace(inventory, tools=tuple(tools))


def _with_level(tool: SurveyedTool, level: str) -> SurveyedTool:
    if level not in LEVELS or level == level_of(tool):
        return tool
    return replace(tool, read_only=level == "read", destructive=level == "admin")

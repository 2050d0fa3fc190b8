"""What an upstream is: the address of an MCP server, or the command that starts one."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.uris import split_absolute

STDIO = "stdio:"


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """An MCP server that speaks Streamable HTTP at `url`."""

    url: str

    @property
    def audience(self) -> str:
        """Who an identity token is for."""
        return self.url

    @property
    def shown(self) -> str:
        """How to name it in the log: a query may hold a key."""
        return self.url.partition("?")[0]


@dataclass(frozen=True, slots=True)
class StdioTarget:
    """A command that speaks MCP over its standard input and output."""

    arguments: tuple[str, ...]

    @property
    def shown(self) -> str:
        """How to name it in the log: arguments may hold a key."""
        return self.arguments[0]


Target = HttpTarget | StdioTarget


def parse_target(text: str) -> Target:
    """Read ``http://…``, ``https://…`` or ``stdio:COMMAND``, the command split as a shell would.

    Raises:
        ValueError: it is none of these.
    """
    if text.startswith(STDIO):
        return StdioTarget(_command(text.removeprefix(STDIO)))
    parts = split_absolute(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an upstream is http://HOST…, https://HOST… or stdio:COMMAND")
    if "@" in parts.netloc or "#" in text:
        raise ValueError("an upstream's URL carries no user information and no fragment")
    return HttpTarget(text if parts.path else urlsplit(text)._replace(path="/").geturl())


def _command(text: str) -> tuple[str, ...]:
    try:
        arguments = tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"the command cannot be read: {error}") from None
    if not arguments or any("\0" in argument for argument in arguments):
        raise ValueError("stdio: needs a command")
    return arguments

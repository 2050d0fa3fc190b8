"""Upstream targets: the address of an MCP server, or the command that starts one."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.uris import split_absolute

STDIO = "stdio:"

# RFC 9110 §7.2: uri-host [ ":" port ]. Container names may contain underscores.
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?\Z")


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """An MCP server that speaks Streamable HTTP at `url`.

    Attributes:
        host: the value of the ``Host`` header; the host of `url` by default.
    """

    url: str
    host: str | None = None

    @property
    def audience(self) -> str:
        """The audience of identity tokens."""
        return self.url

    @property
    def log_name(self) -> str:
        """The name for the log, without the query, which may contain a key."""
        return self.url.partition("?")[0]

    @property
    def authority(self) -> str:
        """The value of the ``Host`` header."""
        return self.host or urlsplit(self.url).netloc


@dataclass(frozen=True, slots=True)
class StdioTarget:
    """A command that speaks MCP over its standard input and output."""

    arguments: tuple[str, ...]

    @property
    def log_name(self) -> str:
        """The name for the log, without arguments, which may contain a key."""
        return self.arguments[0]


Target = HttpTarget | StdioTarget


def check_host(text: str) -> str:
    """Check that `text` is a valid ``Host`` header, and return it.

    Raises:
        ValueError: it is not a host name or address, with or without a port.
    """
    if not _HOST.match(text):
        raise ValueError("it must be the value of a Host header, such as localhost:3000")
    return text


def parse_target(text: str, host: str | None = None) -> Target:
    """Parse ``http://…``, ``https://…`` or ``stdio:COMMAND``, splitting the command as a shell would.

    Args:
        host: see `HttpTarget`.

    Raises:
        ValueError: the text is not one of these, or is a command with a host.
    """
    if text.startswith(STDIO):
        if host is not None:
            raise ValueError("a command receives no Host header")
        return StdioTarget(_command(text.removeprefix(STDIO)))
    parts = split_absolute(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an upstream must be http://HOST…, https://HOST… or stdio:COMMAND")
    if "@" in parts.netloc or "#" in text:
        raise ValueError("the URL of an upstream must not contain user information or a fragment")
    return HttpTarget(text if parts.path else urlsplit(text)._replace(path="/").geturl(), host)


def _command(text: str) -> tuple[str, ...]:
    try:
        arguments = tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"the command cannot be read: {error}") from None
    if not arguments or any("\0" in argument for argument in arguments):
        raise ValueError("stdio: needs a command")
    return arguments

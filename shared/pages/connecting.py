"""Ways to add the URL of an MCP server to programs."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Connecting:
    """An MCP server that a person can add to a program.

    Attributes:
        name: for people.
        url: the URL to paste.
        hosted: whether programs that run elsewhere can reach it: https, and not on this machine.
    """

    name: str
    url: str
    hosted: bool

    @property
    def short_name(self) -> str:
        """A name that every program accepts."""
        return re.sub("[^a-z0-9]+", "-", self.name.lower()).strip("-") or "mcp"

    @property
    def vs_code_link(self) -> str:
        """A link that installs the server in VS Code.

        (https://code.visualstudio.com/api/extension-guides/ai/mcp)
        """
        return f"vscode:mcp/install?{quote(_json(name=self.short_name, type='http', url=self.url), safe='')}"

    @property
    def cursor_link(self) -> str:
        """A link that installs the server in Cursor (https://cursor.com/docs/mcp/install-links)."""
        config = quote(base64.b64encode(_json(url=self.url).encode()).decode(), safe="")
        return f"cursor://anysphere.cursor-deeplink/mcp/install?name={self.short_name}&config={config}"

    @property
    def claude_code_command(self) -> str:
        """A command that adds the server to Claude Code."""
        return f"claude mcp add --transport http {self.short_name} {self.url}"


def _json(**members: str) -> str:
    return json.dumps(members, separators=(",", ":"))

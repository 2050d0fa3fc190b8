"""The panel that ``doorward up`` prints when the services are ready; every line can be copied."""

from __future__ import annotations

import json
from collections.abc import Iterator

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

DEMO_LOGIN = "wesen / secret"


def print_panel(console: Console, *, issuer: str, resource: str, kept_in: str) -> None:
    """Print the URLs and commands to paste.

    Args:
        issuer: public URL of the authorization server.
        resource: the MCP URL.
        kept_in: the directory that holds state and logs.
    """
    console.print(Rule(Text("Doorward is up", style="bold green"), align="left"))
    for heading, text in _lines(issuer, resource, kept_in):
        console.print(Text(f"  {heading:<16}", style="dim"), Text(text, style="bold"), sep="", no_wrap=True)
    console.print(Rule(Text("Press Ctrl-C to stop", style="dim"), align="left", style="dim"))


def _lines(issuer: str, resource: str, kept_in: str) -> Iterator[tuple[str, str]]:
    yield "MCP URL", resource
    yield "Login", DEMO_LOGIN
    yield "", ""
    yield "Claude Code", f"claude mcp add --transport http doorward {resource}"
    server = json.dumps({"name": "doorward", "type": "http", "url": resource}, separators=(",", ":"))
    yield "VS Code", f"code --add-mcp '{server}'"
    yield "Inspector", f"npx @modelcontextprotocol/inspector --transport http --server-url {resource}"
    yield "", ""
    yield "Console", f"{issuer}/admin"
    yield "Auth docs", f"{issuer}/docs"
    yield "Resource docs", f"{resource.removesuffix('/mcp')}/docs"
    yield "State and logs", kept_in

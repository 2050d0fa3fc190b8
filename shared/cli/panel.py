"""The panel that ``doorward up`` prints when the services are ready; every line can be copied."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

DEMO_LOGIN = "wesen / secret"


@dataclass(slots=True, kw_only=True)
class Panel:
    """The URLs and commands to paste.

    Attributes:
        issuer: public URL of the authorization server.
        resource: the MCP URL.
        kept_in: the directory that holds state and logs.
        login: who can log in; empty for nobody yet.
        set_up: the URL of the set-up page; empty if it is over.
        trust: the command that prints how to trust the certificates; empty for http.
    """

    issuer: str
    resource: str
    kept_in: str
    login: str = DEMO_LOGIN
    set_up: str = ""
    trust: str = ""

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield a heading and a text for each line."""
        yield "MCP URL", self.resource
        if self.login:
            yield "Login", self.login
        if self.set_up:
            yield "Set up", self.set_up
        if self.trust:
            yield "Certificates", self.trust
        yield "", ""
        yield "Claude Code", f"claude mcp add --transport http doorward {self.resource}"
        server = json.dumps({"name": "doorward", "type": "http", "url": self.resource}, separators=(",", ":"))
        yield "VS Code", f"code --add-mcp '{server}'"
        inspector = "npx @modelcontextprotocol/inspector@latest --transport http --server-url"
        yield "Inspector", f"{inspector} {self.resource}"
        yield "", ""
        yield "Console", f"{self.issuer}/admin"
        yield "Auth docs", f"{self.issuer}/docs"
        yield "Resource docs", f"{self.resource.removesuffix('/mcp')}/docs"
        yield "State and logs", self.kept_in


def print_panel(console: Console, panel: Panel) -> None:
    """Print the panel."""
    console.print(Rule(Text("Doorward is up", style="bold green"), align="left"))
    for heading, text in panel.lines():
        console.print(Text(f"  {heading:<16}", style="dim"), Text(text, style="bold"), sep="", no_wrap=True)
    console.print(Rule(Text("Press Ctrl-C to stop", style="dim"), align="left", style="dim"))

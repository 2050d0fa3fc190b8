"""The guide to the gateway, executed: its server, Doorward in front of it, a client that calls a tool.

Nothing that a client or a person sees on the way mentions the built-in notes server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.cli.command import READY, ROOT, Up, up
from tests.e2e.sdk import SdkClient
from tests.flow import Person
from tests.gateway.upstreams import called, python_upstream

pytestmark = [pytest.mark.long, pytest.mark.requirement("OP-1", "RS-5")]

GUIDE = (ROOT / "docs" / "how-to" / "gateway.md").read_text()
SERVER = "docs/examples/upstream.py"
COMMANDS = [
    f".venv/bin/python {SERVER}",
    "DOORWARD_UPSTREAM=http://127.0.0.1:3000/mcp make run",
    'DOORWARD_UPSTREAM="stdio:npx -y @modelcontextprotocol/server-everything" make run',
]
BUILT_IN = re.compile(r"\bnotes?\b", re.IGNORECASE)
OF_AUTH = ("/", "/account", "/admin/software", "/admin/access", "/.well-known/oauth-authorization-server")
OF_RESOURCE = ("/", "/mcp", "/.well-known/oauth-protected-resource/mcp", "/openapi.json")


class Reader(Person):
    """A person who keeps every page that they get."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        super().__init__(trust_env=False, event_hooks={"response": [self._keep]})

    def _keep(self, response: httpx2.Response) -> None:
        headers = "\n".join(response.headers.values())
        self.pages[str(response.url.copy_with(query=None))] = f"{headers}\n{response.read().decode()}"


@contextmanager
def guided(directory: Path) -> Iterator[Up]:
    """Run the first two commands of the guide, on other ports."""
    with (
        python_upstream(ROOT / SERVER, directory) as server,
        up(directory, DOORWARD_UPSTREAM=server.url) as running,
    ):
        assert READY in running.output
        yield running


def test_the_guide_has_no_other_commands_to_try() -> None:
    section = GUIDE.partition("## Try it")[2].partition("\n## ")[0]
    assert re.findall(r"^    (.+)$", section, re.MULTILINE) == COMMANDS


@pytest.mark.anyio
async def test_the_guide_leads_to_a_call_and_nothing_mentions_the_built_in_server(tmp_path: Path) -> None:
    reader = Reader()
    with guided(tmp_path) as running:
        sdk = SdkClient(f"http://localhost:{running.resource_port}/mcp", reader)
        async with sdk.connected() as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == ["hello"]
            assert await called(client, "hello") == "Hello wesen"
        for path in OF_AUTH:
            reader.open(f"{running.issuer}{path}")
        for path in OF_RESOURCE:
            reader.open(f"http://localhost:{running.resource_port}{path}")
        reader.close()
        assert BUILT_IN.findall(running.output) == []
    assert len(sdk.asked) == 1
    assert {f"{running.issuer}/{page}" for page in ("login", "consent", "account")} <= reader.pages.keys()
    mentions = {url: set(BUILT_IN.findall(text)) for url, text in reader.pages.items()}
    assert {url: words for url, words in mentions.items() if words} == {}

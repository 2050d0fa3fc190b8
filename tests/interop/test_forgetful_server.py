"""AS-20 with real clients: the server is set up again, and each gets in again by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.command import Up, up, up_again
from tests.interop.browser import Browser, at_a_browser
from tests.interop.clients import CLIENTS
from tests.machine import require

pytestmark = [pytest.mark.xdist_group("interop"), pytest.mark.requirement("AS-20")]


@dataclass
class Settled:
    """A client that was connected once.

    Attributes:
        client_id: under which it was known.
    """

    home: Path
    browser: Browser
    client_id: str


@dataclass
class Aftermath:
    """The server again, and those that remember the old one."""

    mcp_url: str
    clients: dict[str, Settled]


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    """Every client, with all that it keeps of a server that keeps nothing of it."""
    require("node")
    with ExitStack() as stack:
        directory = tmp_path_factory.mktemp("forgetful")
        with up(directory) as before:
            homes = {name: tmp_path_factory.mktemp(name) for name in CLIENTS}
            clients = {name: connected(name, home, before, stack) for name, home in homes.items()}
        for file in (directory / ".doorward").glob("auth.sqlite3*"):
            file.unlink()
        stack.enter_context(up_again(before))
        yield Aftermath(mcp_url(before), clients)


def connected(name: str, home: Path, running: Up, stack: ExitStack) -> Settled:
    browser = stack.enter_context(at_a_browser(home / "browser"))
    with CLIENTS[name](mcp_url(running), home, browser) as client:
        return Settled(home, browser, client.call("whoami")["client_id"])


def mcp_url(running: Up) -> str:
    return f"http://localhost:{running.resource_port}/mcp"


@pytest.mark.parametrize("name", CLIENTS)
def test_a_real_client_registers_again_and_asks_the_person_once(name: str, aftermath: Aftermath) -> None:
    old = aftermath.clients[name]
    with CLIENTS[name](aftermath.mcp_url, old.home, old.browser) as client:
        identity = client.call("whoami")
    old.browser.visits(2)
    assert identity["username"] == "wesen"
    assert identity["client_id"] != old.client_id

"""A client that lacks a scope is told once, asks the person once, and goes on (RS-4)."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.cli.command import up
from tests.flow import Person
from tests.gateway.ledger import MODULE, POLICY
from tests.gateway.upstreams import ROOT, stdio
from tests.interop.browser import Browser
from tests.interop.clients import TypeScriptSdk2
from tests.machine import require

pytestmark = pytest.mark.xdist_group("interop")


class Careful(Person):
    """Allows nothing but reading the first time that somebody asks; all that is asked for after that."""

    authorizations = 0

    def authorize(self, url: str, *, decision: str = "allow", untick: tuple[str, ...] = ()) -> dict[str, str]:
        self.authorizations += 1
        wary = ("notes:write", "notes:admin") if self.authorizations == 1 else ()
        return super().authorize(url, decision=decision, untick=(*untick, *wary))


@pytest.mark.requirement("RS-4", "AS-9", "AS-21")
def test_the_sdk_steps_up_once_and_nothing_runs_before(tmp_path: Path) -> None:
    require("node")
    ledger, policy = tmp_path / "ledger", tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    command = stdio("/usr/bin/env", f"PYTHONPATH={ROOT}", sys.executable, "-m", MODULE, str(ledger))
    for directory in ("up", "browser", "home"):
        (tmp_path / directory).mkdir()
    settings = {"DOORWARD_UPSTREAM": command, "DOORWARD_POLICY": str(policy)}
    person = Careful(trust_env=False)
    with (
        up(tmp_path / "up", **settings) as running,
        Browser(tmp_path / "browser", person).attended() as browser,
    ):
        mcp_url = f"http://localhost:{running.resource_port}/mcp"
        with TypeScriptSdk2(mcp_url, tmp_path / "home", browser) as client:
            assert client.call("list_notes") == {"result": "list_notes"}
            browser.visits(1)
            assert ledger.read_text() == "list_notes\n"
            assert client.call("add_note", text="x") == {"result": "add_note"}
            browser.visits(2)
            (scope,) = parse_qs(urlsplit(browser.visited[1]).query)["scope"]
            assert set(scope.split()) - {"offline_access"} == {"notes:read", "notes:write"}
            assert client.call("list_notes") == {"result": "list_notes"}  # which writing includes
            browser.visits(2)
        log = (tmp_path / "up" / ".doorward" / "resource.log").read_text()
    person.close()
    assert ledger.read_text() == "list_notes\nadd_note\nlist_notes\n"
    assert log.count("insufficient_scope") == 1

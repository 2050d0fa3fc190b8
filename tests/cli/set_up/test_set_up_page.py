"""The set-up page of a real `doorward up`, from the code in the terminal to the end."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urljoin

import httpx2
import pytest

from tests.cli.command import Up, doorward, up, up_again
from tests.cli.set_up.wiki import SERVER
from tests.flow import Person, forms_of

pytestmark = [pytest.mark.long, pytest.mark.requirement("OP-6", "ID-10", "SEC-16")]

PASSWORD = "seven moss harbours"


def link_of(running: Up) -> tuple[str, str]:
    """The URL of the set-up page, and the code."""
    match = re.search(r"Set up +(http://localhost:\d+/)#([A-Z0-9-]+)", running.output)
    assert match, running.output
    return match[1], match[2]


class Browser(Person):
    """A browser, which names the origin of every form (Fetch §3.2)."""

    def __init__(self) -> None:
        super().__init__(trust_env=False)

    def press(
        self,
        page: httpx2.Response,
        number: int = 0,
        *,
        choices: Mapping[str, str] = MappingProxyType({}),
        **changes: str,
    ) -> httpx2.Response:
        """Press the button of a form twice; the second answer."""
        form = forms_of(page.text)[number]
        url = urljoin(str(page.url), form.action)
        origin = "/".join(url.split("/")[:3])
        fields = {**form.fields, **choices, **changes}
        first, second = (
            self.follow(self.browser.post(url, data=fields, headers={"Origin": origin})) for _ in range(2)
        )
        assert (first.status_code, first.url) == (second.status_code, second.url)
        return second


@pytest.fixture
def browsers() -> Iterator[Callable[[], Browser]]:
    """Opens browsers, which are closed after the test."""
    with ExitStack() as stack:

        def browser() -> Browser:
            opened = Browser()
            stack.callback(opened.close)
            return opened

        yield browser


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Up]:
    with up(tmp_path, "--set-up-port", "0") as running:
        yield running


def test_a_person_sets_up_everything_and_presses_every_button_twice(
    running: Up, browsers: Callable[[], Browser]
) -> None:
    url, code = link_of(running)
    ada, command = browsers(), running.directory / "wiki.py"
    command.write_text(SERVER)
    entrance = ada.open(url)
    assert "This code is not right" in ada.press(entrance, code="WRONG").text
    page = ada.press(entrance, code=code)
    # The administrator, at the authorization server, which leads back.
    created = browsers()
    link = re.search(r'href="(http://localhost[^"]+/set-up\?[^"]+)"', page.text)
    assert link
    form = created.open(link[1].replace("&amp;", "&"))
    fields: dict[str, str | None] = dict.fromkeys(("new_password", "new_password_again"), PASSWORD)
    fields["username"] = "ada"
    done = created.submit(form, fields)
    back = re.search(r'href="(http://localhost:\d+/[^"]+/server)"', done.text)
    assert back
    # The server and its tools.
    server_page = ada.open(back[1])
    broken = ada.press(server_page, server="no-such-command-here")
    assert (broken.status_code, "does not answer" in broken.text) == (400, True)
    tools = ada.press(server_page, server=f"{sys.executable} {command}")
    assert "Replace &lt;b&gt;a page&lt;/b&gt;." in tools.text
    connect = ada.press(tools, choices={"tool-1": "read"})
    assert "The self-check passed" in connect.text, connect.text
    for part in ("vscode:mcp/install?", "cursor://", f"http://localhost:{running.resource_port}/mcp"):
        assert part in connect.text
    policy = (running.directory / ".doorward" / "policy.yaml").read_text()
    assert "edit_page: my-wiki:read" in policy
    # The end: the link is dead for everybody, and the person's page shows how to connect.
    assert "Doorward is set up" in ada.press(connect, len(forms_of(connect.text)) - 1).text
    assert browsers().open(url).status_code == 404
    events = doorward("audit", "tail", "--json", cwd=running.directory).stdout
    for action in ("first administrator created", "account deleted", "MCP server chosen", "set-up finished"):
        assert action in events, action
    running.interrupt()
    assert running.ended() == 0
    with up_again(running) as again:
        assert "Set up " not in again.output
        assert re.search(r"Login +ada\n", again.output)
        metadata = f"http://localhost:{again.resource_port}/.well-known/oauth-protected-resource/mcp"
        assert httpx2.get(metadata, trust_env=False).json()["resource_name"] == "My wiki"
        people = doorward("users", "list", "--json", cwd=running.directory).stdout
        assert ("ada" in people, "wesen" in people) == (True, False)


def test_others_get_nowhere(running: Up, browsers: Callable[[], Browser]) -> None:
    url, code = link_of(running)
    ada = browsers()
    page = ada.press(ada.open(url), code=code)
    step = str(page.url)
    # Another browser, also with the right code; another site; a name of another site for this address.
    eve = browsers()
    assert eve.open(url).status_code == 404
    assert eve.browser.get(step).status_code == 403
    server = step.replace("/administrator", "/server")
    for headers in (
        {"Origin": "http://localhost:1"},
        {"Origin": "null"},
        {},
        {"Origin": "http://attacker.test", "Host": "attacker.test"},
    ):
        answer = ada.browser.post(server, data={"server": "touch pwned"}, headers=headers)
        assert answer.status_code == 403, headers
    assert ada.browser.get(server, headers={"Host": "attacker.test"}).status_code == 403
    assert ada.browser.get(server).status_code == 200
    assert "set-cookie" not in eve.open(url).headers


def test_wrong_codes_are_counted(running: Up, browsers: Callable[[], Browser]) -> None:
    url, code = link_of(running)
    eve = browsers()
    entrance = eve.open(url)
    for _ in range(5):  # each pressed twice
        eve.press(entrance, code="AAAA-AAAA-AAAA")
    assert browsers().open(url).status_code == 404
    assert eve.open(url).status_code == 404
    assert code not in eve.open(url).text

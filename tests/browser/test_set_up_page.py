"""Chromium on the set-up page: by the link of the terminal alone, and accessible at every step (ID-11)."""

from __future__ import annotations

import base64
import json
import re
import sys
from pathlib import Path
from urllib.parse import parse_qs, unquote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.authenticator import Authenticator
from tests.browser.axe import load_axe, violations
from tests.browser.chromium import Desk
from tests.browser.steps import sees
from tests.cli.command import ROOT, up
from tests.cli.set_up.wiki import SERVER
from tests.gateway.upstreams import python_upstream
from tests.machine import require

pytestmark = [
    pytest.mark.xdist_group("browser pages"),
    pytest.mark.long,
    pytest.mark.requirement("ID-11", "OP-6"),
]


def press(page: Page, name: str) -> None:
    page.wait_for_timeout(600)  # forms take no click in their first half second
    page.get_by_role("button", name=name, exact=True).click()


def test_the_link_opens_the_page_and_axe_finds_nothing_at_any_step(tmp_path: Path, chromium: Browser) -> None:
    require("node")
    command = tmp_path / "wiki.py"
    command.write_text(SERVER)
    wrong = []
    with up(tmp_path, "--set-up-port", "0") as running:
        link = re.search(r"Set up +(\S+)", running.output)
        assert link
        context = chromium.new_context(locale="de")
        load_axe(context)
        page = context.new_page()
        Authenticator(page, discoverable=True, verifies=True)
        page.goto(link[1].partition("#")[0])
        expect(page.get_by_label("Code")).to_be_visible()
        wrong += violations(page)
        page.goto("about:blank")
        page.goto(link[1])
        expect(page.get_by_role("heading", name="Administrator")).to_be_visible()
        assert "#" not in page.url
        wrong += violations(page)
        page.get_by_role("link", name="Ersten Administrator anlegen").click()
        page.get_by_label("Benutzername").fill("ada")
        press(page, "Administrator mit einem Passkey anlegen")
        page.get_by_role("link", name="Mit der Einrichtung fortfahren").click()
        wrong += violations(page)
        page.get_by_label("URL oder Befehl").fill("no-such-command")
        press(page, "Werkzeuge auflisten")
        expect(page.get_by_role("alert")).to_be_visible()
        wrong += violations(page)
        page.get_by_label("URL oder Befehl").fill(f"{sys.executable} {command}")
        press(page, "Werkzeuge auflisten")
        expect(page.get_by_label("search")).to_have_value("read")
        wrong += violations(page)
        press(page, "Diese Berechtigungen benutzen")
        expect(page.get_by_text("Die Selbstprüfung ist bestanden")).to_be_visible()
        wrong += violations(page)
        press(page, "Fertigstellen")
        expect(page.get_by_role("heading", name="Doorward ist eingerichtet")).to_be_visible()
        wrong += violations(page)
        page.goto("about:blank")
        context.close()
    assert wrong == []


def url_in(page: Page, program: str) -> str:
    """The URL in the link that adds the server to a program."""
    href = str(page.get_by_role("link", name=f"Add to {program}").get_attribute("href"))
    configuration = parse_qs(href.partition("?")[2]).get("config")
    text = base64.b64decode(configuration[0]).decode() if configuration else unquote(href.partition("?")[2])
    url: str = json.loads(text)["url"]
    return url


def test_a_newcomer_walks_from_the_link_to_the_links_of_clients(tmp_path: Path, desk: Desk) -> None:
    page = desk.page()
    with (
        python_upstream(ROOT / "docs" / "examples" / "upstream.py", tmp_path) as upstream,
        up(tmp_path, "--set-up-port", "0") as running,
    ):
        link = re.search(r"Set up +(\S+)", running.output)
        assert link
        page.goto(link[1])
        page.get_by_role("link", name="Create the first administrator").click()
        sees(page, "Create the first administrator")
        page.get_by_label("Username").fill("ada")
        for field in page.locator("input[type=password]").all():
            field.fill("seven moss harbours")
        press(page, "Create administrator")
        sees(page, "Administrator created")
        page.get_by_role("link", name="Continue the set-up").click()
        page.get_by_label("URL, or command").fill(upstream.url)
        press(page, "List its tools")
        expect(page.get_by_label("hello")).to_have_value("write")  # it does not claim to be read-only
        page.get_by_label("hello").select_option("read")
        press(page, "Use these permissions")
        expect(page.get_by_text("The self-check passed")).to_be_visible()
        url = f"http://localhost:{running.resource_port}/mcp"
        expect(page.locator("#url")).to_have_text(url)
        assert url_in(page, "VS Code") == url_in(page, "Cursor") == url
        press(page, "Finish")
        sees(page, "Doorward is set up")
        assert "hello: example:read" in (tmp_path / ".doorward" / "policy.yaml").read_text()
        page.goto("about:blank")

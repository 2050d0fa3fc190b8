"""Chromium on the set-up page: by the link of the terminal alone, and accessible at every step (ID-11)."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.cli.command import up
from tests.cli.set_up.wiki import SERVER
from tests.machine import require

pytestmark = [
    pytest.mark.xdist_group("browser"),
    pytest.mark.long,
    pytest.mark.requirement("ID-11", "OP-6"),
]


def press(page: Page, name: str) -> None:
    page.wait_for_timeout(600)  # forms take no click in their first half second
    page.get_by_role("button", name=name).click()


def test_the_link_opens_the_page_and_axe_finds_nothing_at_any_step(tmp_path: Path, chromium: Browser) -> None:
    require("node")
    command = tmp_path / "wiki.py"
    command.write_text(SERVER)
    wrong = []
    with up(tmp_path, "--set-up-port", "0") as running:
        link = re.search(r"Set up +(\S+)", running.output)
        assert link
        context = chromium.new_context(locale="de")
        page = context.new_page()
        page.goto(link[1].partition("#")[0])
        expect(page.get_by_label("Code")).to_be_visible()
        wrong += violations(page)
        page.goto("about:blank")
        page.goto(link[1])
        expect(page.get_by_role("heading", name="Administrator")).to_be_visible()
        assert "#" not in page.url
        wrong += violations(page)
        page.get_by_role("link", name="Den Demo-Benutzer vorerst behalten").click()
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

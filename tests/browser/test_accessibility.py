"""axe-core finds no violation on any page: narrow and wide, light and dark, in German."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.auth_service.service import AuthorizationServer, running
from tests.browser.looks import overflows
from tests.flow import Pkce
from tests.interop.toolbox import node_modules
from tests.machine import require

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.long]

NARROW, WIDE = ViewportSize(width=360, height=800), ViewportSize(width=1280, height=800)
EVERY_RULE: dict[str, Any] = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
}
COLOURS: dict[str, Any] = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
Looks = tuple[ViewportSize, Literal["light", "dark"], dict[str, Any]]
LOOKS: tuple[Looks, ...] = (
    (NARROW, "light", EVERY_RULE),
    (NARROW, "dark", COLOURS),
    (WIDE, "light", COLOURS),
    (WIDE, "dark", EVERY_RULE),
)
OPEN = (
    "login",
    "passkey-login",
    "device",
    "authorize",
    "authorize?client_id=nobody",
    "set-password?link=x",
    "",
)
ACCOUNT = (
    *("account", "account?action=end_other_sessions", "login-methods", "password", "email", "delete-account"),
    *("add-authenticator", "add-passkey", "logout"),
)
CONSOLE = ("admin/software", "admin/people", "admin/person?name=wesen", "admin/invitations", "admin/nothing")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthorizationServer]:
    require("chromium")
    require("node")
    with running(f"sqlite:///{tmp_path_factory.mktemp('accessibility')}/store.db") as server:
        yield server


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(locale="de")
    yield context.new_page()
    context.close()


def check(page: Page) -> None:
    axe = Path(node_modules() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    page.evaluate(f"() => {{ {axe} }}")
    for size, scheme, options in LOOKS:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        results = page.evaluate(f"() => axe.run(document, {json.dumps(options)})")
        violations = [(each["id"], each["nodes"][0]["html"]) for each in results["violations"]]
        assert (page.url, size, scheme, violations) == (page.url, size, scheme, [])
        assert not overflows(page), (page.url, size)


def log_in(page: Page, password: str) -> None:
    page.get_by_label("Benutzername").fill("wesen")
    page.get_by_label("Passwort", exact=True).fill(password)
    page.get_by_label("Passwort", exact=True).press("Enter")


def test_pages_without_a_login_are_accessible(server: AuthorizationServer, page: Page) -> None:
    for path in OPEN:
        page.goto(f"{server.origin}/{path}")
        check(page)
    page.goto(f"{server.origin}/login")
    log_in(page, "wrong")
    expect(page.get_by_role("alert")).to_be_visible()
    check(page)


def test_consent_the_account_and_the_console_are_accessible(server: AuthorizationServer, page: Page) -> None:
    page.goto(server.register(client_name="Notes").authorization_url(Pkce()))
    log_in(page, server.person.password)
    expect(page.get_by_role("button", name="Erlauben")).to_be_visible()
    check(page)
    for path in (*ACCOUNT, *CONSOLE):
        page.goto(f"{server.origin}/{path}")
        check(page)

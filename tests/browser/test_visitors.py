"""Chromium on URLs that are for programs."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import Desk
from tests.browser.pair import Pair
from tests.browser.steps import log_in, sees

pytestmark = [pytest.mark.xdist_group("browser pages"), pytest.mark.requirement("ID-11")]


@pytest.fixture(params=["at_the_root", "under_paths"])
def services(request: pytest.FixtureRequest) -> Pair:
    """Both services, wherever they are."""
    services: Pair = request.getfixturevalue(request.param)
    return services


def test_the_mcp_url_that_a_person_pastes_can_be_copied_from_its_page(desk: Desk, services: Pair) -> None:
    browser = desk.sit_down(permissions=["clipboard-read", "clipboard-write"])
    page = browser.new_page()
    answer = page.goto(services.mcp_url)
    assert answer
    assert answer.status == 401
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == services.mcp_url
    for program, scheme in (("VS Code", "vscode:"), ("Cursor", "cursor:")):
        link = page.get_by_role("link", name=f"Add to {program}").get_attribute("href")
        assert link
        assert link.startswith(scheme)


def test_without_scripts_a_click_selects_the_url(desk: Desk, services: Pair) -> None:
    page = desk.page(java_script_enabled=False)
    page.goto(services.mcp_url)
    expect(page.get_by_role("button")).to_have_count(0)
    style = page.locator("#url").evaluate("code => getComputedStyle(code).userSelect")
    assert style == "all"


def test_every_link_of_the_pages_leads_to_a_page(desk: Desk, services: Pair) -> None:
    page = desk.page()
    for address, heading in (
        (services.issuer, "Login server"),
        (f"{services.issuer}/", "Login server"),
        (services.resource_service, "MCP server"),
        (services.mcp_url, "Doorward notes"),
    ):
        page.goto(address)
        sees(page, heading)
        links = page.locator("a[href^=http]").evaluate_all("links => links.map(link => link.href)")
        assert links
        for link in links:
            answer = page.request.get(link, headers={"Accept": "text/html"})
            assert answer.headers["content-type"].startswith("text/html"), link
    page.goto(f"{services.issuer}/userinfo")
    sees(page, "This address is for programs")
    page.goto(f"{services.issuer}/nothing/below/it")
    sees(page, "Page not found")
    page.get_by_role("link", name="About this service").click()
    sees(page, "Login server")


def test_the_console_is_found_with_a_slash_at_the_end(desk: Desk, services: Pair) -> None:
    page = desk.page()
    page.goto(f"{services.issuer}/admin/")
    log_in(page)
    sees(page, "Clients")

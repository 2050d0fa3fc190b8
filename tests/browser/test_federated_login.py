"""Login through an identity provider in Chromium: the policies of our pages let it through."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.auth_service.federation.provider import FakeProvider, fake_provider
from tests.auth_service.service import AuthorizationServer, running
from tests.browser.looks import faint_texts, overflows

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.requirement("ID-1", "ID-11")]

LABEL = "Corp with <b>mark-up</b>"
SIZES = ((1280, 800), (360, 740))


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with fake_provider() as provider:
        provider.claims = {"sub": "1", "preferred_username": "ada", "name": "Ada"}
        yield provider


@pytest.fixture
def server(tmp_path: Path, provider: FakeProvider) -> Iterator[AuthorizationServer]:
    configuration: dict[str, Any] = provider.configuration(
        label=LABEL, allow={"subjects": ["1"]}, contact="it@corp.example"
    )
    with running(
        f"sqlite:///{tmp_path}/d.db", identity_providers=[configuration], fetch_loopback=True
    ) as server:
        yield server


def click_through(page: Page, server: AuthorizationServer, provider: FakeProvider) -> None:
    """Press the button of the provider, and come back from there."""
    page.goto(f"{server.issuer}/login")
    page.get_by_role("button", name=f"Log in with {LABEL}").click()
    page.wait_for_url(f"{provider.issuer}/authorize?**")
    page.goto(provider.approve(page.url))


def test_the_button_leads_to_the_provider_and_back_to_an_account(
    page: Page, server: AuthorizationServer, provider: FakeProvider
) -> None:
    provider.answers["/authorize"] = (200, {})
    click_through(page, server, provider)
    expect(page.get_by_text("You are logged in as ada.")).to_be_visible()
    page.go_back()
    page.go_forward()
    expect(page.get_by_text("You are logged in as ada.")).to_be_visible()


@pytest.mark.requirement("ID-7")
def test_a_keyboard_disconnects_an_identity_on_pages_that_fit_and_are_legible(
    page: Page, server: AuthorizationServer, provider: FakeProvider
) -> None:
    provider.answers["/authorize"] = (200, {})
    click_through(page, server, provider)
    expect(page.get_by_text("You are logged in as ada.")).to_be_visible()
    with ThreadPoolExecutor(1) as elsewhere:  # this thread has the loop of the browser
        elsewhere.submit(server.set_password, "ada", "seven moss harbours").result()
    page.goto(f"{server.issuer}/login")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("seven moss harbours")
    page.get_by_label("Password").press("Enter")
    expect(page.get_by_role("heading", name="Login providers")).to_be_visible()
    fits_and_is_legible(page)
    page.goto(f"{server.issuer}/password")
    fits_and_is_legible(page)
    page.goto(f"{server.issuer}/account")
    page.get_by_role("link", name="Disconnect").press("Enter")
    expect(page.get_by_label("Current password")).to_be_focused()
    fits_and_is_legible(page)
    page.keyboard.type("seven moss harbours")
    page.keyboard.press("Enter")
    expect(page.get_by_text("You are logged in as ada.")).to_be_visible()
    expect(page.get_by_role("heading", name="Login providers")).to_be_hidden()


def fits_and_is_legible(page: Page) -> None:
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert not overflows(page), width
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert faint_texts(page) == [], scheme


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_refused_person_can_read_why_and_get_back(
    page: Page, server: AuthorizationServer, provider: FakeProvider, scheme: Any
) -> None:
    provider.answers["/authorize"] = (200, {})
    provider.claims = {"sub": "2", "preferred_username": "W" * 60}
    page.emulate_media(color_scheme=scheme)
    click_through(page, server, provider)
    expect(page.get_by_role("heading", name="You may not log in here")).to_be_visible()
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert faint_texts(page) == []
        assert not overflows(page)
    page.get_by_role("link", name="Back to the login page").click()
    expect(page.get_by_label("Password")).to_be_visible()

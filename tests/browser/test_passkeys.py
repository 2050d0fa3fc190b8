"""Passkeys in Chromium, with its virtual authenticator."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from shared.clock import system_clock
from tests.auth_service.service import running
from tests.browser.authenticator import Authenticator
from tests.browser.looks import faint_texts, overflows
from tests.browser.site import Site
from tests.browser.steps import log_in, sees
from tests.servers import free_port

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.requirement("ID-5")]

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PRESS_AFTER_MS = 600
"""Pages take no click in their first half second."""


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[str]:
    """A server of the test's own, at a name."""
    port = free_port()
    with running(f"sqlite:///{tmp_path}/store.db", port=port, issuer=f"http://localhost:{port}") as server:
        yield server.issuer


def press(page: Page, name: str) -> None:
    page.wait_for_timeout(PRESS_AFTER_MS)
    page.get_by_role("button", name=name).click()


def add_passkey(page: Page, issuer: str, name: str = "Phone") -> None:
    page.goto(f"{issuer}/login?to=login-methods")
    log_in(page)
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name of the passkey").fill(name)
    press(page, "Add a passkey")
    sees(page, "Recovery codes")
    page.get_by_role("link", name="I have saved the codes").click()
    sees(page, "Login methods")
    expect(page.get_by_text(name, exact=True)).to_be_visible()


@pytest.mark.requirement("ID-6", "OP-6")
def test_the_first_administrator_needs_no_password(page: Page, tmp_path: Path) -> None:
    Authenticator(page, discoverable=True, verifies=True)
    port, secret = free_port(), "the secret of the link"
    link = f"{sha256(secret.encode()).hexdigest()}:{int(system_clock()) + 600}"
    settings: dict[str, Any] = {"issuer": f"http://localhost:{port}", "demo_user": False, "setup_link": link}
    with running(f"sqlite:///{tmp_path}/store.db", port=port, **settings) as server:
        page.goto(f"{server.issuer}/set-up?link={secret}")
        assert not overflows(page)
        press(page, "Create administrator with a passkey")
        sees(page, "Create the first administrator")  # a name is required
        page.get_by_label("Username").fill("ada")
        press(page, "Create administrator with a passkey")
        sees(page, "Administrator created")
        page.goto(f"{server.issuer}/passkey-login")
        press(page, "Use a passkey")
        expect(page.get_by_text("ada", exact=True).first).to_be_visible()


def log_out(page: Page) -> None:
    page.context.clear_cookies()


def test_a_passkey_is_added_and_used_as_second_factor(page: Page, issuer: str) -> None:
    Authenticator(page, discoverable=False, verifies=False)
    add_passkey(page, issuer)
    log_out(page)
    page.goto(f"{issuer}/login?to=login-methods")
    log_in(page)
    sees(page, "Second step")
    page.wait_for_timeout(PRESS_AFTER_MS)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Use a passkey")).to_be_focused()
    page.keyboard.press("Enter")
    sees(page, "Login methods")
    expect(page.get_by_text("last used")).to_be_visible()


def test_the_login_page_logs_in_by_autofill_and_a_copied_passkey_is_blocked(page: Page, issuer: str) -> None:
    authenticator = Authenticator(page, discoverable=True, verifies=True)
    add_passkey(page, issuer)
    stolen = authenticator.credential
    log_out(page)
    page.goto(f"{issuer}/login?to=login-methods")
    sees(page, "Login methods")  # the virtual authenticator chooses by itself
    log_out(page)
    authenticator.replace(stolen)
    page.goto(f"{issuer}/passkey-login")
    press(page, "Use a passkey")
    expect(page.get_by_role("alert").first).to_contain_text("This passkey cannot be used")


def test_an_assertion_made_on_another_origin_is_refused(page: Page, issuer: str, elsewhere: Site) -> None:
    Authenticator(page, discoverable=True, verifies=True)
    add_passkey(page, issuer)
    log_out(page)
    page.goto(f"{issuer}/passkey-login")
    form = page.locator("form[data-passkey]")
    options, csrf = form.get_attribute("data-options"), form.locator("[name=csrf]").input_value()
    script = page.request.get(f"{issuer}/static/passkeys.js").text()
    elsewhere.pages["/phishing"] = (
        f"<!doctype html><title>Phishing</title><form data-passkey='get' action='caught'"
        f" data-options='{options}'><input name='credential'><p data-message></p>"
        f"<button>Go</button></form><script>{script}</script>"
    )
    # Another port of the same host may use its passkeys: only the origin tells them apart.
    page.goto(f"{elsewhere.origin_at('localhost')}/phishing")
    elsewhere.calls.clear()
    page.get_by_role("button", name="Go").click()
    caught = elsewhere.next_call().parameters
    refused = page.request.post(f"{issuer}/passkey-login", form={"csrf": csrf, **caught})
    assert refused.status == 401
    assert page.request.get(f"{issuer}/account").url == f"{issuer}/login"


def test_the_pages_are_legible_and_fit_in_light_and_dark_on_any_screen(page: Page, issuer: str) -> None:
    page.goto(f"{issuer}/login?to=login-methods")
    log_in(page)
    sees(page, "Login methods")
    for path in ("login-methods", "add-authenticator", "add-passkey", "passkey-login", "second-factor"):
        page.goto(f"{issuer}/{path}")
        page.wait_for_load_state("load")
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert not overflows(page), (path, width)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            assert faint_texts(page) == [], (path, scheme)

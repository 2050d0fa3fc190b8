"""The pages for a person: legible, usable with a keyboard and without scripts, and not to be written on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.auth_service.service import AuthorizationServer, running
from tests.browser.chromium import OTHER_HOST, Desk
from tests.browser.looks import SCHEMES, SIZES, faint_texts, overflows, tab_stops
from tests.browser.pair import Pair
from tests.browser.site import Site
from tests.browser.steps import allow, log_in, sees
from tests.flow import Client, Pkce

pytestmark = pytest.mark.xdist_group("browser pages")

WEB = [f"https://{OTHER_HOST}/callback"]
EVERYTHING = "openid profile offline_access notes:read notes:write"
# Right-to-left override, zero-width space, mark-up, and no place to break a line.
HOSTILE = "\u202eelcaro\u202c <b>Pay\u200bPal</b> <img src=x onerror=alert(1)> \"'&" + "W" * 60
SHOWN = "elcaro <b>PayPal</b> <img src=x onerror=alert(1)> \"'&"


@pytest.fixture
def register(at_the_root: Pair, http: httpx2.Client) -> Callable[..., Client]:
    """Registers clients."""
    return lambda **metadata: Client.register(
        at_the_root.issuer, http, **{"client_name": "Notes for two", "redirect_uris": WEB, **metadata}
    )


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., AuthorizationServer]]:
    """Starts authorization servers of a test's own, for what it does to them."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(running(f"sqlite:///{tmp_path}/store.db", **settings))


class Showing:
    """Brings a page up by its name."""

    def __init__(
        self, services: Pair, start: Callable[..., AuthorizationServer], register: Callable[..., Client]
    ) -> None:
        self.services, self.issuer = services, services.issuer
        self.start, self.register = start, register

    def __call__(self, name: str, page: Page) -> None:
        getattr(self, name)(page)
        # A page's words are there before its style sheet is, and what is measured is both.
        page.wait_for_load_state("load")

    def authorize(self, page: Page, **metadata: Any) -> None:
        page.goto(self.register(**metadata).authorization_url(Pkce(), scope=EVERYTHING))

    def consent_to(self, page: Page, **metadata: Any) -> None:
        self.authorize(page, **metadata)
        log_in(page)
        sees(page, "Allow access?")

    def nothing(self, page: Page) -> None:
        page.goto(f"{self.issuer}/nothing/below/it")
        sees(page, "Page not found")

    def login(self, page: Page) -> None:
        self.authorize(page)
        sees(page, "Log in")

    def wrong_password(self, page: Page) -> None:
        self.login(page)
        log_in(page, password="wrong")
        expect(page.get_by_role("alert")).to_have_text("The username or the password is wrong.")

    def throttled(self, page: Page) -> None:
        page.goto(f"{self.start(login_failures=1).origin}/login")
        log_in(page, password="wrong")
        log_in(page)
        expect(page.get_by_role("alert")).to_contain_text("Too many failed logins")

    def consent(self, page: Page) -> None:
        self.consent_to(page)

    def consent_to_a_hostile_name(self, page: Page) -> None:
        self.consent_to(page, client_name=HOSTILE, redirect_uris=[f"https://{'a-long-label.' * 15}example/"])

    def error(self, page: Page) -> None:
        page.goto(self.register().authorization_url(Pkce(), redirect_uri="https://evil.example/"))
        sees(page, "This did not work")

    def refused(self, page: Page) -> None:
        client = self.register(client_name=HOSTILE, redirect_uris=[f"https://{'a-long-label.' * 15}example/"])
        page.goto(client.authorization_url(Pkce(), scope='"'))
        expect(page.get_by_role("button", name="Go back to the application")).to_be_visible()

    def account(self, page: Page) -> None:
        page.goto(f"{self.issuer}/login")
        log_in(page)
        sees(page, "Your account")

    def password(self, page: Page) -> None:
        self.account(page)
        page.goto(f"{self.issuer}/password")
        page.get_by_label("Current password").fill("wrong")
        for label in ("New password", "Repeat new password"):
            page.get_by_label(label, exact=True).fill("another password")
        page.wait_for_timeout(600)  # pages take no click in their first half second
        page.get_by_role("button", name="Change password").click()
        sees(page, "Change password")
        expect(page.get_by_role("alert")).to_contain_text("wrong")

    def console(self, page: Page, path: str = "software") -> None:
        self.register(client_name=HOSTILE, redirect_uris=[f"https://{'a-long-label.' * 15}example/"])
        page.goto(f"{self.issuer}/admin/{path}")
        log_in(page)
        sees(page, "Clients")
        page.goto(f"{self.issuer}/admin/{path}")

    def console_clients(self, page: Page) -> None:
        self.console(page)
        page.get_by_role("link", name="elcaro").first.click()
        expect(page.get_by_role("button", name="Remove all").first).to_be_visible()

    def console_invitations(self, page: Page) -> None:
        self.console(page, "invitations")
        page.get_by_role("button", name="Create invitation").click()
        expect(page.get_by_role("status")).to_contain_text("dw_ir_")

    def console_client(self, page: Page) -> None:
        self.console(page, "new-client")
        page.get_by_label("Name, as").fill(HOSTILE)
        page.wait_for_timeout(600)  # pages take no click in their first half second
        page.get_by_role("button", name="Create client").click()
        page.get_by_role("link", name="This client").click()
        page.get_by_text("Edit", exact=True).click()
        expect(page.get_by_role("button", name="Save")).to_be_visible()


@pytest.fixture
def show(
    at_the_root: Pair, start: Callable[..., AuthorizationServer], register: Callable[..., Client]
) -> Showing:
    return Showing(at_the_root, start, register)


HOSTILE_PAGES = ("consent_to_a_hostile_name", "refused", "console", "console_clients", "console_client")
"""Pages with a text from elsewhere that is hard to fit; `test_every_page.py` has all states of all pages."""


@pytest.mark.parametrize("name", HOSTILE_PAGES)
def test_a_page_with_a_hostile_name_is_legible_and_fits_in_light_and_dark_on_any_screen(
    page: Page, show: Showing, name: str
) -> None:
    show(name, page)
    assert page.title().endswith(" · Doorward")
    for size in SIZES:
        page.set_viewport_size(size)
        assert not overflows(page), size
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert faint_texts(page) == [], scheme


@pytest.mark.requirement("AS-25")
def test_a_keyboard_is_enough(page: Page, show: Showing, elsewhere: Site) -> None:
    show.authorize(page, redirect_uris=[f"{elsewhere.origin}/callback"])
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type("wesen")
    assert tab_stops(page, 1) == ["password"]
    page.keyboard.type("secret")
    page.keyboard.press("Enter")
    sees(page, "Allow access?")
    ticks = [f"scope.{number}" for number in range(5)]
    assert tab_stops(page, 8) == [*ticks, "Switch account", "decision", "decision"]
    page.keyboard.press("Enter")
    assert elsewhere.next_call().parameters["error"] == "access_denied"


def test_a_keyboard_is_enough_for_the_console(page: Page, show: Showing) -> None:
    show("console_invitations", page)
    page.goto(f"{show.issuer}/admin/invitations")
    links = [
        "Clients",
        "Invitations",
        "People",
        "Groups",
        "Access",
        "Stops",
        "Definitions",
        "Journal",
        "Account",
    ]
    assert tab_stops(page, 13) == [*links, "uses", "hours", "action", "action"]
    before = page.get_by_role("button", name="Revoke").count()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Revoke")).to_have_count(before - 1)


@pytest.mark.requirement("AS-25")
def test_the_fields_are_those_that_password_managers_fill(page: Page, show: Showing) -> None:
    show("wrong_password", page)
    username, password = page.get_by_label("Username"), page.get_by_label("Password")
    expect(username).to_have_attribute("name", "username")
    expect(username).to_have_attribute("autocomplete", "username webauthn")
    expect(password).to_have_attribute("name", "password")
    expect(password).to_have_attribute("type", "password")
    expect(password).to_have_attribute("autocomplete", "current-password")
    # A wrong password is typed again, the name is not.
    expect(username).to_have_value("wesen")
    expect(password).to_have_value("")
    expect(password).to_be_focused()


@pytest.mark.requirement("AS-25")
def test_scripts_are_not_needed(desk: Desk, show: Showing, elsewhere: Site) -> None:
    page = desk.page(java_script_enabled=False)
    show.consent_to(page, redirect_uris=[f"{elsewhere.origin}/callback"])
    allow(page)
    assert "code" in elsewhere.next_call().parameters


@pytest.mark.requirement("AS-9")
def test_consent_says_who_asks_for_what_and_where_the_answer_goes(
    page: Page, show: Showing, at_the_root: Pair
) -> None:
    show("consent", page)
    for text in (
        *("Notes for two", "unverified", "Doorward notes", at_the_root.mcp_url, OTHER_HOST, "wesen"),
        *(
            "Read your notes",
            "Add notes for you",
            "Stay connected while you are away",
            "Nobody has verified it",
        ),
    ):
        expect(page.get_by_role("main")).to_contain_text(text)
    for tick in page.get_by_role("checkbox").all():
        expect(tick).to_be_checked()


@pytest.mark.requirement("AS-9", "SEC-4", "SEC-5")
def test_a_name_is_shown_as_text_without_what_makes_it_look_like_another(page: Page, show: Showing) -> None:
    show("consent_to_a_hostile_name", page)
    lead = page.locator(".lead")
    expect(lead).to_contain_text(SHOWN)
    expect(lead).to_contain_text("unverified")
    assert lead.locator("img, b").count() == 0


@pytest.mark.requirement("SEC-4")
def test_what_a_visitor_types_comes_back_as_text(page: Page, show: Showing) -> None:
    typed = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>"
    show("login", page)
    log_in(page, username=typed)
    expect(page.get_by_label("Username")).to_have_value(typed)
    ours = "[src='static/passkeys.js']"
    assert page.locator(f"img[src=x], main script:not({ours})").count() == 0


@pytest.mark.requirement("SEC-4")
def test_an_injected_script_would_not_run(page: Page, desk: Desk, show: Showing) -> None:
    show("login", page)
    page.evaluate(
        """() => {
            document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.ran = true'>");
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
        }"""
    )
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.ran") is None
    blocked = [complaint for complaint in desk.complaints if "Content Security Policy" in complaint]
    assert len(blocked) >= 1
    desk.complaints.clear()


@pytest.mark.requirement("AS-23")
def test_the_wait_after_too_many_failures_is_given_in_minutes(page: Page, show: Showing) -> None:
    show("throttled", page)
    expect(page.get_by_role("alert")).to_contain_text("Try again in 5 minutes.")


def test_what_is_connected_can_be_disconnected_from_the_account_page(
    page: Page, show: Showing, at_the_root: Pair, http: httpx2.Client, elsewhere: Site
) -> None:
    client, pkce = show.register(client_name="To be ended", redirect_uris=[f"{elsewhere.origin}/cb"]), Pkce()
    page.goto(client.authorization_url(pkce, scope=EVERYTHING))
    log_in(page)
    allow(page)
    tokens = client.redeem(elsewhere.next_call().parameters["code"], pkce).json()
    page.goto(f"{at_the_root.issuer}/account")
    link = page.get_by_role("link", name="Disconnect To be ended")
    expect(page.get_by_role("listitem").filter(has=link).first).to_contain_text("Add notes for you")
    link.click()
    sees(page, "Disconnect?")
    page.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_role("status")).to_contain_text("disconnected")
    expect(link).to_have_count(0)
    assert client.refresh(tokens["refresh_token"]).status_code == 400
    page.get_by_role("button", name="Log out").click()
    sees(page, "Logged out")
    page.goto(f"{at_the_root.issuer}/account")
    sees(page, "Log in")

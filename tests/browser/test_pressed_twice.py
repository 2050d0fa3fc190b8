"""Whatever a person presses twice: the client is connected, and no page says otherwise."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pressing import connected, named, press_twice, slow
from tests.browser.site import Site
from tests.browser.steps import allow, deny, log_in, sees
from tests.flow import Client, Pkce
from tests.servers import wait_until

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.requirement("ID-10")]


@pytest.mark.parametrize("latency_ms", [0, 60, 300])
@pytest.mark.parametrize("gap_ms", [40, 90])
def test_a_double_click_on_allow_connects(
    page: Page, client: Client, elsewhere: Site, latency_ms: int, gap_ms: int
) -> None:
    pkce = Pkce()
    page.goto(client.authorization_url(pkce))
    log_in(page)
    sees(page, "Allow access?")
    slow(page, latency_ms)
    press_twice(page, named(page, "Allow"), gap_ms)
    expect(page).to_have_title("A client")
    connected(client, pkce, elsewhere)


def test_a_double_click_on_the_login_goes_on_to_the_consent(
    page: Page, client: Client, elsewhere: Site
) -> None:
    pkce = Pkce()
    page.goto(client.authorization_url(pkce))
    page.get_by_label("Username").fill("wesen")
    page.get_by_label("Password").fill("secret")
    press_twice(page, named(page, "Log in"), 60)
    sees(page, "Allow access?")
    allow(page)
    expect(page).to_have_title("A client")
    connected(client, pkce, elsewhere)


def test_back_and_allow_again_gives_the_same_answer(page: Page, client: Client, elsewhere: Site) -> None:
    pkce = Pkce()
    page.goto(client.authorization_url(pkce))
    log_in(page)
    allow(page)
    expect(page).to_have_title("A client")
    page.go_back()
    if page.title() != "A client":  # pages of ours are not stored: the browser asks for it again
        allow(page)
        expect(page).to_have_title("A client")
    connected(client, pkce, elsewhere)


@pytest.mark.parametrize("then", [allow, deny])
def test_the_same_page_in_two_tabs_is_answered_once(
    page: Page, client: Client, elsewhere: Site, then: Callable[[Page], None]
) -> None:
    pkce = Pkce()
    page.goto(client.authorization_url(pkce))
    log_in(page)
    sees(page, "Allow access?")
    other = page.context.new_page()
    other.goto(page.url)
    allow(page)
    expect(page).to_have_title("A client")
    then(other)  # too late to decide otherwise: it is told what was decided
    expect(other).to_have_title("A client")
    connected(client, pkce, elsewhere)


def test_a_reload_of_a_page_that_was_answered_gives_the_same_answer(
    page: Page, client: Client, elsewhere: Site
) -> None:
    pkce = Pkce()
    page.goto(client.authorization_url(pkce))
    log_in(page)
    sees(page, "Allow access?")
    other = page.context.new_page()
    other.goto(page.url)
    allow(page)
    expect(page).to_have_title("A client")
    other.reload()
    expect(other).to_have_title("A client")
    connected(client, pkce, elsewhere)


def test_a_double_click_on_deny_refuses(page: Page, client: Client, elsewhere: Site) -> None:
    page.goto(client.authorization_url(Pkce()))
    log_in(page)
    sees(page, "Allow access?")
    press_twice(page, named(page, "Deny"), 60)
    expect(page).to_have_title("A client")
    wait_until(lambda: bool(elsewhere.calls))
    assert {call.parameters["error"] for call in elsewhere.calls} == {"access_denied"}
    elsewhere.calls.clear()

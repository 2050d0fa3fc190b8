"""Whatever a person presses twice: the client is connected, and no page says otherwise."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.pair import Pair
from tests.browser.site import Site
from tests.browser.steps import allow, deny, log_in, sees
from tests.flow import Client, Pkce
from tests.servers import wait_until

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.requirement("ID-10")]


@pytest.fixture
def client(at_the_root: Pair, http: httpx2.Client, elsewhere: Site) -> Client:
    return Client.register(at_the_root.issuer, http, redirect_uris=[f"{elsewhere.origin}/callback"])


def slow(page: Page, latency_ms: int) -> None:
    """Let every answer to the page come so much later."""
    if not latency_ms:
        return
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": latency_ms, "downloadThroughput": -1, "uploadThroughput": -1},
    )


def press_twice(page: Page, button: Locator, gap_ms: int) -> None:
    """A double click of somebody's hand: the second one may meet the page after."""
    button.scroll_into_view_if_needed()
    button.click(trial=True)  # pages take no click in their first half second
    box = button.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.click(x, y)
    page.wait_for_timeout(gap_ms)
    page.mouse.click(x, y)


def named(page: Page, button: str) -> Locator:
    return page.get_by_role("button", name=button)


def connected(client: Client, pkce: Pkce, elsewhere: Site) -> None:
    """Every callback that came has the same code, and the first one that is redeemed is good for tokens."""
    wait_until(lambda: bool(elsewhere.calls))
    codes = {call.parameters["code"] for call in elsewhere.calls}
    assert len(codes) == 1
    first = client.redeem(codes.pop(), pkce)
    assert first.status_code == 200, first.text
    # The callback that came again is redeemed again by some clients: the tokens stay good.
    again = client.redeem(elsewhere.calls[0].parameters["code"], pkce)
    assert again.json()["error"] == "invalid_grant"
    assert client.refresh(first.json()["refresh_token"]).status_code == 200
    elsewhere.calls.clear()


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

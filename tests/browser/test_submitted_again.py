"""A form that is posted twice, by a double click, a reload or from a second tab, does what it does once."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.browser.pair import Pair
from tests.browser.pressing import connected, named, press_twice, slow
from tests.browser.site import Site
from tests.browser.steps import allow, log_in, sees
from tests.flow import Client, Person, Pkce, disconnect_links

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.requirement("ID-10")]

LATENCIES_MS = [0, 60, 300]
TOKEN = re.compile(r"dw_ir_[\w-]+")


def account(page: Page, services: Pair) -> None:
    page.goto(f"{services.issuer}/login")
    log_in(page)
    sees(page, "Your account")


def console(page: Page, services: Pair, path: str) -> None:
    page.goto(f"{services.issuer}/admin")
    log_in(page)
    sees(page, "Clients")
    page.goto(f"{services.issuer}/admin/{path}")


def connect(page: Page, services: Pair, http: httpx2.Client, elsewhere: Site, name: str) -> str:
    """Connect a client of that name; returns a refresh token."""
    metadata = {"client_name": name, "redirect_uris": [f"{elsewhere.origin}/callback"]}
    client, pkce = Client.register(services.issuer, http, **metadata), Pkce()
    page.goto(client.authorization_url(pkce))
    if page.get_by_label("Password").count():
        log_in(page)
    allow(page)
    expect(page).to_have_title("A client")
    return str(client.redeem(elsewhere.next_call().parameters["code"], pkce).json()["refresh_token"])


@pytest.mark.parametrize("latency_ms", LATENCIES_MS)
def test_allow_pressed_again_while_the_client_is_slow_connects(
    page: Page, client: Client, elsewhere: Site, latency_ms: int
) -> None:
    elsewhere.slow_s["/callback"] = 3
    pkce = Pkce()
    page.goto(client.authorization_url(pkce))
    log_in(page)
    sees(page, "Allow access?")
    slow(page, latency_ms)
    press_twice(page, named(page, "Allow"), 1_000)
    expect(page).to_have_title("A client")
    assert len(elsewhere.calls) == 2
    connected(client, pkce, elsewhere)


@pytest.mark.parametrize("latency_ms", LATENCIES_MS)
def test_a_double_click_on_the_login_begins_one_session(
    page: Page, at_the_root: Pair, client: Client, elsewhere: Site, latency_ms: int
) -> None:
    pkce = Pkce()
    page.goto(client.authorization_url(pkce, prompt="login"))
    slow(page, latency_ms)
    page.get_by_label("Username").fill("wesen")
    page.get_by_label("Password").fill("secret")
    press_twice(page, named(page, "Log in"), 60)
    # With another session than the one that the request was noted with, it would ask for a login again, and a
    # second click that met this page would have pressed what is on it.
    sees(page, "Allow access?")
    assert elsewhere.calls == []
    allow(page)
    expect(page).to_have_title("A client")
    connected(client, pkce, elsewhere)


def test_a_login_in_a_second_tab_leaves_what_was_granted_in_the_first(
    page: Page, client: Client, elsewhere: Site
) -> None:
    pkce, other = Pkce(), page.context.new_page()
    other.goto(client.authorization_url(Pkce()))
    page.goto(client.authorization_url(pkce))
    log_in(page)
    allow(page)
    expect(page).to_have_title("A client")
    log_in(other)  # before the client has redeemed its code
    sees(other, "Allow access?")
    connected(client, pkce, elsewhere)


def disconnect_all(at_the_root: Pair) -> None:
    """End what earlier tests connected: the account page shows so many at a time."""
    person = Person(trust_env=False)
    page = person.log_in(person.open(f"{at_the_root.issuer}/login"))
    while disconnect_links(page.text):
        page = person.submit(person.open_disconnect(at_the_root.issuer), {})
    person.close()


@pytest.mark.parametrize("latency_ms", LATENCIES_MS)
def test_a_double_click_on_disconnect_disconnects_one(
    page: Page, at_the_root: Pair, http: httpx2.Client, elsewhere: Site, latency_ms: int
) -> None:
    disconnect_all(at_the_root)
    for name in ("The first", "The second"):
        connect(page, at_the_root, http, elsewhere, name)
    page.goto(f"{at_the_root.issuer}/account")
    links = page.get_by_role("link", name="Disconnect")
    before = links.count()
    links.first.click()
    sees(page, "Disconnect?")
    slow(page, latency_ms)
    press_twice(page, page.get_by_role("button", name="Disconnect"), 90)
    expect(links).to_have_count(before - 1)
    page.wait_for_timeout(3 * latency_ms + 200)  # for what a second one would have done
    page.reload()
    expect(links).to_have_count(before - 1)


@pytest.mark.parametrize("latency_ms", LATENCIES_MS)
def test_a_double_click_on_log_out_goes_where_the_first_one_went(
    page: Page, at_the_root: Pair, http: httpx2.Client, elsewhere: Site, latency_ms: int
) -> None:
    bye = f"{elsewhere.origin}/bye"
    metadata = {"redirect_uris": [f"{elsewhere.origin}/callback"], "post_logout_redirect_uris": [bye]}
    client = Client.register(at_the_root.issuer, http, **metadata)
    account(page, at_the_root)
    query = httpx2.QueryParams({"client_id": client.client_id, "post_logout_redirect_uri": bye, "state": "s"})
    page.goto(f"{at_the_root.issuer}/logout?{query}")
    slow(page, latency_ms)
    press_twice(page, named(page, "Log out"), 40)
    expect(page).to_have_url(re.compile(re.escape(bye)))
    page.goto(f"{at_the_root.issuer}/account")
    sees(page, "Log in")


def test_log_out_pressed_in_two_tabs_is_true_in_both(page: Page, at_the_root: Pair) -> None:
    account(page, at_the_root)
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto(f"{at_the_root.issuer}/logout")
    for tab in (page, other):
        named(tab, "Log out").click()
        sees(tab, "Logged out")


@pytest.mark.parametrize("latency_ms", LATENCIES_MS)
def test_a_secret_that_is_shown_once_is_shown_after_a_double_click_and_a_reload(
    page: Page, at_the_root: Pair, http: httpx2.Client, latency_ms: int
) -> None:
    console(page, at_the_root, "invitations")
    before = named(page, "Revoke").count()
    slow(page, latency_ms)
    press_twice(page, named(page, "Create invitation"), 60)
    token_match = TOKEN.search(page.get_by_role("status").inner_text())
    assert token_match
    expect(named(page, "Revoke")).to_have_count(before + 1)
    page.reload()
    expect(page.get_by_role("status")).to_contain_text(token_match[0])
    expect(named(page, "Revoke")).to_have_count(before + 1)
    register: dict[str, Any] = {
        "redirect_uris": ["http://127.0.0.1/cb"],
        "grant_types": ["client_credentials"],
    }
    bearer = {"Authorization": f"Bearer {token_match[0]}"}
    assert http.post(f"{at_the_root.issuer}/register", json=register, headers=bearer).status_code == 201
    # Revoked, it does not come back with a reload of the page that showed it.
    other = page.context.new_page()
    other.goto(f"{at_the_root.issuer}/admin/invitations")
    while named(other, "Revoke").count():
        left = named(other, "Revoke").count()
        named(other, "Revoke").first.click()
        expect(named(other, "Revoke")).to_have_count(left - 1)
    page.reload()
    expect(named(page, "Revoke")).to_have_count(0)
    expect(page.get_by_role("main")).not_to_contain_text(token_match[0])


@pytest.mark.parametrize("latency_ms", LATENCIES_MS)
def test_a_double_click_in_the_console_does_one_thing_and_ends_on_a_true_page(
    page: Page, at_the_root: Pair, http: httpx2.Client, latency_ms: int
) -> None:
    name = f"Never used {latency_ms}"
    for _ in range(2):
        Client.register(at_the_root.issuer, http, client_name=name, redirect_uris=["https://x.example/cb"])
    console(page, at_the_root, f"software?q={name}")
    page.get_by_role("link", name=name).click()
    slow(page, latency_ms)
    page.get_by_role("link", name="Remove", exact=False).first.click()
    press_twice(page, page.get_by_role("button", name="Remove client"), 60)
    expect(page.get_by_role("button", name="Remove all")).to_be_visible()
    page.wait_for_timeout(3 * latency_ms + 200)
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Page not found")
    page.reload()
    press_twice(page, page.get_by_role("button", name="Remove all"), 60)
    sees(page, "Clients")
    page.goto(f"{at_the_root.issuer}/admin/software?q={name}")
    expect(page.get_by_role("link", name=name)).to_have_count(0)


@pytest.mark.parametrize("latency_ms", LATENCIES_MS)
def test_a_double_click_at_the_device_page_connects_the_device(
    page: Page, at_the_root: Pair, http: httpx2.Client, latency_ms: int
) -> None:
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    client = Client.register(at_the_root.issuer, http, grant_types=[grant], redirect_uris=[])
    response = http.post(
        f"{at_the_root.issuer}/device_authorization", data={"client_id": client.client_id}
    ).json()
    account(page, at_the_root)
    page.goto(f"{at_the_root.issuer}/device")
    slow(page, latency_ms)
    page.get_by_label("Code").fill(response["user_code"])
    press_twice(page, named(page, "Continue"), 60)
    sees(page, "Allow access?")
    press_twice(page, named(page, "Allow"), 60)
    expect(page.get_by_role("heading", level=1)).to_contain_text("connected")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_contain_text("connected")
    tokens = client.token(grant_type=grant, device_code=response["device_code"])
    assert tokens.status_code == 200, tokens.text


def test_back_to_the_login_and_once_more_ends_with_the_client_connected(
    page: Page, client: Client, elsewhere: Site
) -> None:
    pkce = Pkce()
    page.goto(client.authorization_url(pkce))
    for _ in range(2):
        log_in(page)
        sees(page, "Allow access?")
        page.go_back()
        sees(page, "Log in")
    page.go_forward()
    allow(page)
    expect(page).to_have_title("A client")
    connected(client, pkce, elsewhere)


def test_disconnect_pressed_in_two_tabs_is_true_in_both(
    page: Page, at_the_root: Pair, http: httpx2.Client, elsewhere: Site
) -> None:
    disconnect_all(at_the_root)
    connect(page, at_the_root, http, elsewhere, "In two tabs")
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto(f"{at_the_root.issuer}/account")
        tab.get_by_role("link", name="Disconnect In two tabs").click()
        sees(tab, "Disconnect?")
    for tab in (page, other):
        named(tab, "Disconnect").click()
        expect(tab.get_by_role("link", name="Disconnect In two tabs")).to_have_count(0)
        sees(tab, "Your account")
        expect(tab.get_by_role("status")).to_contain_text("disconnected")
    page.go_back()
    sees(page, "Your account")
    expect(page.get_by_role("link", name="Disconnect In two tabs")).to_have_count(0)


def test_a_double_click_on_the_way_back_from_an_error_tells_the_client_once_and_for_all(
    page: Page, client: Client, elsewhere: Site
) -> None:
    page.goto(client.authorization_url(Pkce(), response_type="token"))
    sees(page, "This did not work")
    slow(page, 300)
    press_twice(page, named(page, "Go back to the application"), 60)
    expect(page).to_have_title("A client")
    assert {call.parameters["error"] for call in elsewhere.calls} == {"unsupported_response_type"}


def test_a_double_click_on_deny_at_the_device_page_says_what_was_decided(
    page: Page, at_the_root: Pair, http: httpx2.Client
) -> None:
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    client = Client.register(at_the_root.issuer, http, grant_types=[grant], redirect_uris=[])
    response = http.post(
        f"{at_the_root.issuer}/device_authorization", data={"client_id": client.client_id}
    ).json()
    account(page, at_the_root)
    page.goto(f"{at_the_root.issuer}/device?user_code={response['user_code']}")
    named(page, "Continue").click()
    sees(page, "Allow access?")
    slow(page, 60)
    press_twice(page, named(page, "Deny"), 60)
    sees(page, "Device not connected")
    answer = client.token(grant_type=grant, device_code=response["device_code"])
    assert answer.json()["error"] == "access_denied"

"""The code flow as a person's browser walks it, and what else can happen on the way."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import OTHER_HOST, Desk
from tests.browser.pair import Pair
from tests.browser.site import Site
from tests.browser.steps import allow, deny, log_in, sees
from tests.flow import Client, Pkce

pytestmark = pytest.mark.xdist_group("browser")

WEB = f"https://{OTHER_HOST}/callback"
CURSOR = "cursor://anysphere.cursor-mcp/oauth/callback"


@pytest.fixture
def register(at_the_root: Pair, http: httpx2.Client, elsewhere: Site) -> Callable[..., Client]:
    """Registers clients; those that do not say otherwise wait for their code `elsewhere`."""
    return lambda **metadata: Client.register(
        at_the_root.issuer, http, **{"redirect_uris": [f"{elsewhere.origin}/callback"], **metadata}
    )


def test_a_client_on_loopback_gets_its_code_and_redeems_it(
    page: Page, register: Callable[..., Client], elsewhere: Site, at_the_root: Pair
) -> None:
    client, pkce = register(), Pkce()
    page.goto(client.authorization_url(pkce, scope="notes:read", state="a=b&c d"))
    log_in(page)
    allow(page)
    call = elsewhere.next_call()
    assert (call.method, call.path) == ("GET", "/callback")
    assert call.parameters["state"] == "a=b&c d"
    assert call.parameters["iss"] == at_the_root.issuer
    tokens = client.redeem(call.parameters["code"], pkce).json()
    assert tokens["scope"] == "notes:read"


@pytest.mark.requirement("AS-9")
def test_an_unticked_scope_is_not_granted(
    page: Page, register: Callable[..., Client], elsewhere: Site
) -> None:
    client, pkce = register(), Pkce()
    page.goto(client.authorization_url(pkce, scope="notes:read notes:write"))
    log_in(page)
    page.get_by_label("Add notes for you").uncheck()
    allow(page)
    tokens = client.redeem(elsewhere.next_call().parameters["code"], pkce).json()
    assert tokens["scope"] == "notes:read"


def test_a_refusal_reaches_the_client(
    page: Page, register: Callable[..., Client], elsewhere: Site, at_the_root: Pair
) -> None:
    page.goto(register().authorization_url(Pkce()))
    log_in(page)
    deny(page)
    parameters = elsewhere.next_call().parameters
    assert parameters["error"] == "access_denied"
    assert (parameters["state"], parameters["iss"]) == ("a state", at_the_root.issuer)
    assert "code" not in parameters


@pytest.mark.requirement("SEC-1")
@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_an_error_reaches_the_client_once_the_person_goes_back(
    page: Page, register: Callable[..., Client], elsewhere: Site, mode: str
) -> None:
    page.goto(register().authorization_url(Pkce(), scope='"', response_mode=mode))
    sees(page, "This did not work")
    assert elsewhere.calls == []
    page.get_by_role("button", name="Go back to the application").click()
    parameters = elsewhere.next_call().parameters
    assert (parameters["error"], parameters["state"]) == ("invalid_scope", "a state")


@pytest.mark.parametrize("scripts", [True, False])
def test_an_answer_by_form_post_is_posted(
    desk: Desk, register: Callable[..., Client], elsewhere: Site, scripts: bool
) -> None:
    page, client, pkce = desk.page(java_script_enabled=scripts), register(), Pkce()
    page.goto(client.authorization_url(pkce, response_mode="form_post", state='"><b>state'))
    log_in(page)
    allow(page)
    if not scripts:
        sees(page, "Returning to the application")
        page.get_by_role("button", name="Continue").click()
    call = elsewhere.next_call()
    assert (call.method, call.path) == ("POST", "/callback")
    assert call.parameters["state"] == '"><b>state'
    assert client.redeem(call.parameters["code"], pkce).status_code == 200


@pytest.mark.parametrize("redirect_uri", [CURSOR, WEB])
@pytest.mark.parametrize("decide", [allow, deny])
def test_no_policy_of_the_pages_stops_the_way_back(
    desk: Desk, register: Callable[..., Client], redirect_uri: str, decide: Callable[[Page], None]
) -> None:
    page = desk.page()
    page.goto(register(redirect_uris=[redirect_uri]).authorization_url(Pkce()))
    log_in(page)
    # Nothing answers there: that the browser tries is all there is to see.
    with page.expect_event("requestfailed", lambda request: request.url.startswith(redirect_uri)) as tried:
        decide(page)
    assert "iss=" in tried.value.url


def test_two_requests_in_two_tabs_do_not_mix(
    desk: Desk, register: Callable[..., Client], elsewhere: Site
) -> None:
    browser = desk.sit_down()
    one, other = browser.new_page(), browser.new_page()
    one.goto(register(client_name="One").authorization_url(Pkce(), scope="notes:read", state="one"))
    other.goto(register(client_name="Other").authorization_url(Pkce(), scope="notes:write", state="other"))
    log_in(one)
    # The other tab still shows its login form, and it is still good.
    log_in(other)
    expect(one.get_by_role("main")).to_contain_text("One unverified asks for access")
    expect(other.get_by_role("main")).to_contain_text("Other unverified asks for access")
    allow(other)
    assert elsewhere.next_call().parameters["state"] == "other"
    deny(one)
    assert elsewhere.next_call().parameters == {
        "error": "access_denied",
        "error_description": "the user denied access",
        "state": "one",
        "iss": one.url.partition("iss=")[2].replace("%3A", ":").replace("%2F", "/"),
    }


def test_a_logged_in_user_sees_only_the_consent_page(
    page: Page, register: Callable[..., Client], elsewhere: Site
) -> None:
    client = register()
    page.goto(client.authorization_url(Pkce()))
    log_in(page)
    allow(page)
    elsewhere.next_call()
    page.goto(client.authorization_url(Pkce()))
    sees(page, "Allow access?")


def test_another_account_can_be_used_for_the_same_request(
    page: Page, register: Callable[..., Client], elsewhere: Site
) -> None:
    page.goto(register().authorization_url(Pkce(), state="kept"))
    log_in(page)
    page.get_by_role("link", name="Switch account").click()
    log_in(page)
    allow(page)
    assert elsewhere.next_call().parameters["state"] == "kept"


@pytest.mark.requirement("ID-10")
def test_the_back_button_leads_to_the_answer_that_was_given_and_grants_nothing_more(
    page: Page, register: Callable[..., Client], elsewhere: Site
) -> None:
    page.goto(register().authorization_url(Pkce()))
    log_in(page)
    sees(page, "Allow access?")
    page.go_back()
    sees(page, "Log in")
    log_in(page)
    allow(page)
    first = elsewhere.next_call()
    page.wait_for_url(f"{elsewhere.origin}/**")
    page.go_back()
    page.wait_for_url(f"{elsewhere.origin}/callback?**{first.parameters['code']}**")
    # The browser may have the answer of the client still, and not ask it again.
    assert all(call.parameters == first.parameters for call in elsewhere.calls)
    elsewhere.calls.clear()


@pytest.mark.requirement("AS-24", "SEC-5")
def test_a_consent_page_is_for_the_browser_that_began(
    desk: Desk, register: Callable[..., Client], elsewhere: Site
) -> None:
    victim, attacker = desk.page(), desk.page()
    attacker.goto(register().authorization_url(Pkce()))
    log_in(attacker)
    sees(attacker, "Allow access?")
    victim.goto(attacker.url)
    sees(victim, "This page is no longer valid")
    victim.goto(attacker.url.replace("/consent", "/authorize"))
    sees(victim, "This page is no longer valid")
    victim.goto(attacker.url.replace("/consent", "/login"))
    sees(victim, "This page is no longer valid")
    assert elsewhere.calls == []


@pytest.mark.requirement("AS-23", "SEC-5")
@pytest.mark.parametrize("path", ["authorize", "login", "account", "docs"])
def test_no_page_shows_in_a_frame(
    desk: Desk, register: Callable[..., Client], elsewhere: Site, at_the_root: Pair, path: str
) -> None:
    url = register().authorization_url(Pkce()) if path == "authorize" else f"{at_the_root.issuer}/{path}"
    elsewhere.pages["/trap"] = f'<!doctype html><iframe src="{url.replace("&", "&amp;")}"></iframe>'
    page = desk.page()
    page.goto(f"{elsewhere.origin}/trap")
    expect(page.frame_locator("iframe").get_by_role("main")).to_have_count(0)
    assert page.frames[1].url.startswith("chrome-error:")
    (complaint,) = desk.complaints
    assert "frame-ancestors" in complaint
    desk.complaints.clear()


@pytest.mark.requirement("AS-23", "SEC-5")
def test_a_form_posted_from_elsewhere_is_not_believed(
    desk: Desk, register: Callable[..., Client], elsewhere: Site, at_the_root: Pair
) -> None:
    page = desk.page()
    page.goto(register().authorization_url(Pkce()))
    log_in(page)
    pending = page.locator("input[name=pending]").get_attribute("value")
    elsewhere.pages["/trap"] = f"""<!doctype html>
        <form method=post action="{at_the_root.issuer}/consent">
        <input name=pending value="{pending}"><button name=decision value=allow>Win a prize</button></form>"""
    page.goto(f"{elsewhere.origin_at(OTHER_HOST)}/trap")
    elsewhere.calls.clear()
    page.get_by_role("button", name="Win a prize").click()
    sees(page, "Another site sent this form")
    assert elsewhere.calls == []


@pytest.mark.requirement("AS-9")
def test_the_consent_page_shows_what_is_behind_each_scope(
    page: Page, register: Callable[..., Client], at_the_root: Pair
) -> None:
    page.goto(register().authorization_url(Pkce(), scope="notes:read notes:write"))
    log_in(page)
    sees(page, "Allow access?")
    scopes = page.locator(".scope")
    expect(scopes).to_have_count(2)
    expect(scopes.nth(0)).to_contain_text("list_notes")
    expect(scopes.nth(1)).to_contain_text("add_note")

"""The origin of a form, as real browsers send it, and attacks from another port of the host."""

from __future__ import annotations

import httpx2
import pytest
from playwright.sync_api import Page

from tests.browser.pair import Pair
from tests.browser.site import Site
from tests.browser.steps import allow, log_in, sees
from tests.cookies import cookie_name
from tests.flow import Client, Person, Pkce, forms_of

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.requirement("AS-23", "SEC-16")]


def form(action: str, fields: dict[str, str]) -> str:
    """A page that posts a form as soon as it is open."""
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
    return (
        f'<!doctype html><title>Evil</title><form method="post" action="{action}">{inputs}</form>'
        "<script>document.forms[0].submit()</script>"
    )


def test_forms_of_ours_are_sent_with_their_origin(
    page: Page, at_the_root: Pair, http: httpx2.Client, elsewhere: Site
) -> None:
    client = Client.register(at_the_root.issuer, http, redirect_uris=[f"{elsewhere.origin}/callback"])
    page.goto(client.authorization_url(Pkce()))
    with page.expect_request(f"{at_the_root.issuer}/login") as login:
        log_in(page)
    sees(page, "Allow access?")
    with page.expect_request(f"{at_the_root.issuer}/consent") as consent:
        allow(page)
    assert "code" in elsewhere.next_call().parameters
    for request in (login.value, consent.value):
        headers = request.all_headers()
        assert (headers["origin"], headers["sec-fetch-site"]) == (at_the_root.issuer, "same-origin")


@pytest.mark.requirement("SEC-5")
def test_a_page_on_another_port_that_plants_its_browser_secret_cannot_consent(
    page: Page, at_the_root: Pair, http: httpx2.Client, elsewhere: Site
) -> None:
    issuer = at_the_root.issuer
    evil = Client.register(issuer, http, redirect_uris=[f"{elsewhere.origin}/callback"])
    attacker = Person(trust_env=False)
    theirs = forms_of(attacker.open(evil.authorization_url(Pkce())).text)[0].fields
    name = cookie_name(issuer, "browser")
    page.goto(f"{issuer}/login")
    log_in(page)
    sees(page, "Your account")

    elsewhere.cookie = f"{name}={attacker.browser.cookies[name]}; Path=/; HttpOnly"
    consent = {"csrf": theirs["csrf"], "pending": theirs["pending"], "decision": "allow"}
    elsewhere.pages["/evil"] = form(f"{issuer}/consent", consent)
    page.goto(f"{elsewhere.origin_at('localhost')}/evil")
    sees(page, "Another site sent this form")
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies(issuer)}
    assert cookies[name] == attacker.browser.cookies[name], "the cookie was planted"
    assert [call.path for call in elsewhere.calls] == ["/evil"]
    # Nothing was decided: the request still waits for an answer of the person.
    waiting = attacker.browser.get(f"{issuer}/authorize?pending={theirs['pending']}")
    assert waiting.headers["location"].startswith("login?")
    attacker.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_page_of_another_origin_logs_nobody_in(
    page: Page, at_the_root: Pair, elsewhere: Site, host: str
) -> None:
    issuer, attacker = at_the_root.issuer, Person(trust_env=False)
    token = forms_of(attacker.open(f"{issuer}/login").text)[0].fields["csrf"]
    name = cookie_name(issuer, "browser")
    elsewhere.cookie = f"{name}={attacker.browser.cookies[name]}; Path=/; HttpOnly"
    fields = {"csrf": token, "username": "wesen", "password": "secret"}
    elsewhere.pages["/evil"] = form(f"{issuer}/login", fields)
    page.goto(f"{elsewhere.origin_at(host)}/evil")
    sees(page, "Another site sent this form")
    held = {cookie["name"] for cookie in page.context.cookies(issuer)}
    assert cookie_name(issuer, "session") not in held
    attacker.close()


def test_two_installations_on_one_host_do_not_log_each_other_out(
    page: Page, at_the_root: Pair, under_paths: Pair
) -> None:
    for services in (at_the_root, under_paths):
        page.goto(f"{services.issuer}/login")
        log_in(page)
        sees(page, "Your account")
    for services in (at_the_root, under_paths):
        page.goto(f"{services.issuer}/account")
        sees(page, "Your account")
    page.get_by_role("button", name="Log out").click()
    sees(page, "Logged out")
    page.goto(f"{at_the_root.issuer}/account")
    sees(page, "Your account")

"""GET and POST /login."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.auth_service.service import AuthorizationServer, elsewhere, nobodys
from tests.cookies import cookie_name
from tests.flow import Person, Pkce, forms_of


@pytest.mark.requirement("AS-25")
def test_the_form_has_the_names_that_password_managers_know(server: AuthorizationServer) -> None:
    page = server.get("/login").text
    (form,) = forms_of(page)
    assert {"username", "password", "csrf"} == form.fields.keys()
    assert 'type="password"' in page
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page


@pytest.mark.requirement("AS-23", "AS-25")
def test_a_login_leads_to_the_account_page_with_a_session_of_its_own(server: AuthorizationServer) -> None:
    person = Person(trust_env=False)
    page = person.log_in(person.open(f"{server.origin}/login"))
    assert page.url.path == "/account"
    assert "wesen" in page.text
    session = cookie_name(server.issuer, "session")
    browser = cookie_name(server.issuer, "browser")
    first = person.browser.cookies[session]
    person.log_in(person.open(f"{server.origin}/login"))
    second = person.browser.cookies[session]
    assert first != second
    account = f"{server.origin}/account"
    with_first = f"{browser}={person.browser.cookies[browser]}; {session}={first}"
    assert server.http.get(account, headers={"Cookie": with_first}).status_code == 303
    with_second = with_first.replace(first, second)
    assert server.http.get(account, headers={"Cookie": with_second}).status_code == 200
    person.close()


@pytest.mark.requirement("AS-23")
def test_the_cookies_of_a_login_are_out_of_reach_of_scripts_and_other_sites(
    server: AuthorizationServer,
) -> None:
    person = Person(trust_env=False)
    form = forms_of(person.open(f"{server.origin}/login").text)[0]
    fields = {**form.fields, "username": "wesen", "password": "secret"}
    cookies = person.browser.post(f"{server.origin}/login", data=fields).headers.get_list("set-cookie")
    expected = {cookie_name(server.issuer, "known_browser"), cookie_name(server.issuer, "session")}
    assert {cookie.partition("=")[0] for cookie in cookies} == expected
    assert len(cookies) == 2
    for cookie in cookies:
        assert "; Path=/; HttpOnly; SameSite=Lax" in cookie
        assert "Domain" not in cookie
    person.close()


@pytest.mark.requirement("SEC-16")
def test_a_wrong_password_and_an_unknown_user_look_the_same(server: AuthorizationServer) -> None:
    pages = []
    for username, password in (("wesen", "wrong"), ("nobody", "wrong"), ("nobody", "secret"), ("", "x")):
        person = Person(username, password, trust_env=False, transport=elsewhere())
        response = person.log_in(person.open(f"{server.origin}/login"))
        assert response.status_code == 401
        assert cookie_name(server.issuer, "session") not in response.headers.get("set-cookie", "")
        text = response.text.replace(response.headers["x-request-id"], "")
        pages.append(text.replace(f'value="{username}"', "").replace(csrf_of(response.text), ""))
        person.close()
    assert pages[0].replace(" autofocus", "") == pages[1].replace(" autofocus", "")
    assert "The username or the password is wrong." in pages[3]


def csrf_of(page: str) -> str:
    return forms_of(page)[0].fields["csrf"]


@pytest.mark.requirement("SEC-7", "SEC-16")
def test_a_disabled_user_cannot_log_in_and_is_told_nothing_more(server: AuthorizationServer) -> None:
    server.add_user("former", "password of former").close()
    person = Person("former", "password of former", trust_env=False, transport=elsewhere())
    person.log_in(person.open(f"{server.origin}/login"))
    assert person.open(f"{server.origin}/account").url.path == "/account"
    server.disable_user("former")
    assert person.open(f"{server.origin}/account").url.path == "/login"
    response = person.log_in(person.open(f"{server.origin}/login"))
    assert response.status_code == 401
    assert "The username or the password is wrong." in response.text
    person.close()


def test_a_username_is_taken_in_any_spelling_and_shown_as_it_was_made(server: AuthorizationServer) -> None:
    server.add_user("Grüße", "a password").close()
    person = Person(" GRÜSSE ", "a password", trust_env=False)
    assert "Grüße" in person.log_in(person.open(f"{server.origin}/login")).text
    person.close()


def test_a_login_hint_is_filled_in_and_the_client_named(server: AuthorizationServer) -> None:
    client, person = server.register(client_name="Notes <b>"), Person(trust_env=False)
    page = person.open(client.authorization_url(Pkce(), login_hint='a"><script>x'))
    assert forms_of(page.text)[0].fields["username"] == 'a"><script>x'
    assert "<script>x" not in page.text
    assert "Notes &lt;b&gt;" in page.text
    person.close()


@pytest.mark.requirement("AS-23", "SEC-16")
@pytest.mark.parametrize("csrf", [None, "", "wrong", "A" * 43])
def test_a_form_that_this_browser_was_not_given_is_refused(
    server: AuthorizationServer, csrf: str | None
) -> None:
    person = Person(trust_env=False)
    page = person.open(f"{server.origin}/login")
    refused = person.submit(page, {"username": "wesen", "password": "secret", "csrf": csrf})
    assert refused.status_code == 400
    assert cookie_name(server.issuer, "session") not in person.browser.cookies
    person.close()


@pytest.mark.requirement("AS-23", "SEC-16")
def test_the_form_of_another_browser_is_refused(server: AuthorizationServer) -> None:
    attacker, victim = Person(trust_env=False), Person(trust_env=False)
    theirs = forms_of(attacker.open(f"{server.origin}/login").text)[0]
    victim.open(f"{server.origin}/login")
    fields = {**theirs.fields, "username": "wesen", "password": "secret"}
    for browser in (victim.browser, server.http):
        response = browser.post(f"{server.origin}/login", data=fields)
        assert response.status_code == 400
        assert "set-cookie" not in response.headers
    attacker.close()
    victim.close()


@pytest.mark.requirement("SEC-5", "SEC-16")
def test_a_login_for_a_request_that_another_browser_began_does_not_touch_it(
    server: AuthorizationServer,
) -> None:
    client = server.register()
    attacker, victim = Person(trust_env=False), Person(trust_env=False)
    theirs = attacker.open(client.authorization_url(Pkce()))
    pending = forms_of(theirs.text)[0].fields["pending"]
    assert victim.open(f"{server.origin}/login?pending={pending}").status_code == 400
    page = victim.open(f"{server.origin}/login")
    landed = victim.submit(page, {"username": "wesen", "password": "secret", "pending": pending})
    assert landed.url.path == "/account"
    assert (
        "password" in forms_of(attacker.open(f"{server.origin}/authorize?pending={pending}").text)[0].fields
    )
    attacker.close()
    victim.close()


def test_the_trial_notice_is_there_because_the_trial_user_is(server: AuthorizationServer) -> None:
    assert "wesen" in server.get("/login").text


@pytest.mark.requirement("AS-23")
def test_a_session_ends_after_its_time(server: AuthorizationServer) -> None:
    person = Person(trust_env=False)
    person.log_in(person.open(f"{server.origin}/login"))
    assert person.open(f"{server.origin}/account").url.path == "/account"
    server.clock.advance(7 * 86_400)
    assert person.open(f"{server.origin}/account").url.path == "/login"
    person.close()


def logged(person: Person, server: AuthorizationServer) -> dict[str, Any]:
    """The log lines of a login."""
    with capture_logs() as lines:
        person.log_in(person.open(f"{server.origin}/login"))
    (line,) = (line for line in lines if line["event"].startswith("login"))
    return dict(line)


@pytest.mark.requirement("SEC-16")
def test_the_log_says_who_logged_in_or_failed_to_and_from_where(server: AuthorizationServer) -> None:
    name = nobodys("jürgen")
    right, wrong = "correct horse battery", "horse battery staple"
    server.add_user(name, right).close()
    encoded = name.replace("ü", "%C3%BC")
    for password, event in ((right, "login"), (wrong, "login failed")):
        person = Person(name.upper() if event != "login" else name, password, trust_env=False)
        line = logged(person, server)
        assert line["event"] == event
        assert line["username"] == encoded
        assert line["origin"] == "127.0.0.1/32"
        assert line["subject"]
        assert password not in str(line)
        person.close()


@pytest.mark.requirement("SEC-11")
@pytest.mark.parametrize("typed", ["my-password-in-the-wrong-field", "a\r\nlogin username=b", "x" * 5_000])
def test_what_names_no_account_is_not_in_the_log(typed: str, server: AuthorizationServer) -> None:
    person = Person(typed, "wrong", trust_env=False, transport=elsewhere())
    line = logged(person, server)
    assert line["event"] == "login failed"
    assert {"username", "subject"}.isdisjoint(line)
    assert typed not in str(line)
    person.close()

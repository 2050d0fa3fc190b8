"""SEC-16, SEC-5: no page of another site posts a form in somebody's name, not even one on another port."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.auth_service.service import AuthorizationServer, nobodys
from tests.cookies import cookie_name
from tests.flow import Person, Pkce, forms_of

pytestmark = pytest.mark.requirement("SEC-16", "SEC-5", "AS-23")

CALLBACK = "https://client.example/cb"
FROM_ANOTHER_SITE = (
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
)


@pytest.fixture
def victim(server: AuthorizationServer) -> Iterator[Person]:
    """Somebody who is logged in."""
    person = server.add_user(nobodys("victim"), "password")
    person.log_in(person.open(f"{server.origin}/login"))
    yield person
    person.close()


@pytest.fixture
def attacker(server: AuthorizationServer) -> Iterator[Person]:
    """Somebody else, at another browser."""
    person = Person(trust_env=False)
    yield person
    person.close()


def posting_pages(server: AuthorizationServer) -> list[str]:
    """Every path of the document at which a page posts a form."""
    paths = server.get("/openapi.json").json()["paths"]
    form_paths = [path for path, methods in paths.items() if methods.get("post", {}).get("tags") == ["Pages"]]
    assert {"/login", "/consent", "/device", "/account", "/admin/{page}"} <= set(form_paths)
    return [path.replace("{page}", "invitations") for path in form_paths]


def own_headers(server: AuthorizationServer) -> tuple[dict[str, str], ...]:
    return (
        {},
        {"Origin": server.issuer},
        {"Origin": server.issuer, "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
    )


@pytest.mark.parametrize("headers", FROM_ANOTHER_SITE, ids=str)
def test_no_page_takes_a_form_of_another_site_whatever_token_is_in_it(
    server: AuthorizationServer, headers: dict[str, str]
) -> None:
    admin = Person(trust_env=False)
    page = admin.log_in(admin.open(f"{server.origin}/login"))
    token = forms_of(page.text)[0].fields["csrf"]
    for path in posting_pages(server):
        response = admin.browser.post(f"{server.origin}{path}", data={"csrf": token}, headers=headers)
        assert response.status_code == 403, path
        assert "Another site sent this form" in response.text
        assert "set-cookie" not in response.headers
    admin.close()


@pytest.mark.parametrize("headers", FROM_ANOTHER_SITE, ids=str)
def test_another_site_cannot_consent_for_anybody(
    server: AuthorizationServer, victim: Person, headers: dict[str, str]
) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    page = victim.open(client.authorization_url(Pkce()))
    fields = {**forms_of(page.text)[0].fields, "decision": "allow"}
    posted = victim.browser.post(f"{server.origin}/consent", data=fields, headers=headers)
    assert posted.status_code == 403
    assert victim.browser.get(str(page.url)).status_code == 200, "nothing was decided"


@pytest.mark.parametrize("headers", FROM_ANOTHER_SITE, ids=str)
def test_another_site_logs_nobody_out(
    server: AuthorizationServer, victim: Person, headers: dict[str, str]
) -> None:
    token = forms_of(victim.open(f"{server.origin}/logout").text)[0].fields["csrf"]
    response = victim.browser.post(f"{server.origin}/logout", data={"csrf": token}, headers=headers)
    assert "Log out?" in response.text
    assert victim.open(f"{server.origin}/account").url.path == "/account"


@pytest.mark.requirement("AS-25")
def test_forms_of_ours_are_taken_with_what_browsers_say_of_them_and_without(
    server: AuthorizationServer, victim: Person
) -> None:
    client = server.register(redirect_uris=[CALLBACK])
    for headers in own_headers(server):
        page = victim.open(client.authorization_url(Pkce(), prompt="consent"))
        fields = {**forms_of(page.text)[0].fields, "decision": "allow"}
        posted = victim.browser.post(f"{server.origin}/consent", data=fields, headers=headers)
        assert "code=" in victim.follow(posted).headers["location"], headers


def planted(server: AuthorizationServer, victim: Person, attacker: Person) -> None:
    """Replace the secret of the browser, as a page on another port of the host can."""
    name = cookie_name(server.issuer, "browser")
    theirs = attacker.browser.cookies[name]
    victim.browser.cookies.delete(name)
    victim.browser.cookies.set(name, theirs)


def begun_by(server: AuthorizationServer, attacker: Person) -> dict[str, str]:
    """A request of the attacker's own client in their own browser, and a token for that."""
    client = server.register(redirect_uris=["https://evil.example/cb"])
    return dict(forms_of(attacker.open(client.authorization_url(Pkce())).text)[0].fields)


@pytest.mark.parametrize("logged_in", [False, True])
def test_a_planted_browser_secret_with_its_token_consents_to_nothing(
    server: AuthorizationServer, victim: Person, attacker: Person, logged_in: bool
) -> None:
    if logged_in:
        attacker.log_in(attacker.open(f"{server.origin}/login"))
    theirs = begun_by(server, attacker)
    planted(server, victim, attacker)
    data = {"csrf": theirs["csrf"], "pending": theirs["pending"], "decision": "allow"}
    posted = victim.follow(victim.browser.post(f"{server.origin}/consent", data=data))
    # The person is asked, by name; nothing is decided.
    assert posted.status_code == 409
    assert victim.username in posted.text
    again = victim.browser.get(f"{server.origin}/authorize?pending={theirs['pending']}")
    assert again.headers["location"].startswith("consent?")


def test_a_planted_browser_secret_with_its_token_changes_nothing_on_any_page(
    server: AuthorizationServer, victim: Person, attacker: Person
) -> None:
    tokens = server.register().connect(victim)
    grant_id = server.introspect(tokens["access_token"])["grant_id"]
    page = attacker.open(f"{server.origin}/device")
    token = forms_of(page.text)[0].fields["csrf"]
    planted(server, victim, attacker)

    def post(path: str, **fields: str) -> httpx2.Response:
        return victim.browser.post(f"{server.origin}{path}", data={"csrf": token, **fields})

    stale = post("/account", action="disconnect", grant_id=grant_id)
    assert stale.status_code == 400
    assert "This page is out of date" in stale.text
    assert post("/device", user_code="BBBB-BBBB").status_code == 400
    assert "Log out?" in post("/logout").text
    assert server.is_active(tokens["access_token"])
    assert victim.open(f"{server.origin}/account").url.path == "/account"


def test_a_planted_browser_secret_with_its_token_does_nothing_in_the_console(
    server: AuthorizationServer, attacker: Person
) -> None:
    token = forms_of(attacker.open(f"{server.origin}/device").text)[0].fields["csrf"]
    admin = Person(trust_env=False)
    admin.log_in(admin.open(f"{server.origin}/login"))
    planted(server, admin, attacker)
    response = admin.browser.post(
        f"{server.origin}/admin/invitations",
        data={"csrf": token, "action": "make", "uses": "1", "hours": "1"},
    )
    assert (response.status_code, "dw_ir_" in response.text) == (400, False)
    admin.close()


@pytest.mark.requirement("ID-10")
def test_a_form_of_another_session_says_so_and_does_nothing(
    server: AuthorizationServer, victim: Person
) -> None:
    tokens = server.register().connect(victim)
    page = victim.open_disconnect(server.origin)
    victim.browser.cookies.delete(cookie_name(server.issuer, "session"))
    victim.log_in(victim.open(f"{server.origin}/login"))
    refused = victim.submit(page, {"action": "disconnect"})
    assert refused.status_code == 400
    assert "reload the page" in refused.text
    assert server.is_active(tokens["access_token"])
    reloaded = victim.open_disconnect(server.origin)
    victim.submit(reloaded, {"action": "disconnect"})
    assert not server.is_active(tokens["access_token"])

"""SEC-16, SEC-4: the console opens to nobody but an administrator, and does nothing behind their back."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.attacks.payloads import PAYLOADS, harmless
from tests.auth_service.console import AtTheConsole
from tests.auth_service.service import AuthorizationServer, nobodys
from tests.cookies import cookie_name
from tests.flow import Person, forms_of

pytestmark = pytest.mark.requirement("SEC-16", "AS-23")

PAGES = (
    "software",
    "clients?key=x",
    "invitations",
    "stops",
    "definitions",
    "people",
    "person?name=wesen",
    "nothing",
    "..%2fx",
)
ACTS = (
    ("clients", {"action": "remove_unused", "key": "x"}),
    ("invitations", {"action": "make", "uses": "1", "hours": "1"}),
    ("stops", {"action": "stop", "kind": "tool", "name": "*"}),
    ("stops", {"action": "resume", "stop": "0"}),
    ("definitions", {"action": "approve", "url": "https://mcp.example/mcp", "approve-x": "1"}),
    ("definitions", {"action": "withdraw", "url": "https://mcp.example/mcp", "approval": "x"}),
    ("person", {"action": "disable", "subject": "victim"}),
    ("person", {"action": "end", "subject": "victim", "grant_id": "x"}),
)


@pytest.fixture(scope="module")
def shared_admin(shared_server: AuthorizationServer) -> Iterator[AtTheConsole]:
    person = Person(trust_env=False)
    yield AtTheConsole(shared_server, person)
    person.close()


@pytest.fixture
def admin(server: AuthorizationServer, shared_admin: AtTheConsole) -> AtTheConsole:
    """An administrator who has logged in."""
    assert shared_admin.server is server
    return shared_admin


@pytest.fixture
def victim(server: AuthorizationServer) -> Iterator[Person]:
    person = server.add_user(nobodys("victim"), "password")
    yield person
    person.close()


def set_admin(server: AuthorizationServer, username: str, admin: bool) -> None:
    """Promote or demote, as `doorward users promote` and `demote` do."""
    server.with_account(username, lambda accounts, user: accounts.users.set_admin(user, admin))


def csrf_of(someone: AtTheConsole) -> str:
    return someone.form(someone.open("invitations"), "make").fields["csrf"]


def is_let_in(server: AuthorizationServer, person: Person) -> bool:
    return person.log_in(person.open(f"{server.origin}/login")).url.path == "/account"


@pytest.mark.parametrize("page", PAGES)
def test_nobody_in_particular_sees_a_login_whatever_is_there(server: AuthorizationServer, page: str) -> None:
    for method in ("GET", "POST"):
        response = server.http.request(method, f"{server.origin}/admin/{page}")
        assert response.status_code in (303, 404)
        assert response.headers.get("location", "../login?to=admin") == "../login?to=admin"
        assert "wesen" not in response.text


def test_people_who_are_not_administrators_see_the_same_page_everywhere(
    server: AuthorizationServer, victim: Person
) -> None:
    someone = AtTheConsole(server, victim)
    seen = set()
    for page in PAGES[:-1]:
        response = someone.open(page)
        assert response.status_code == 403
        assert "Administrators only" in response.text
        seen.add(response.text.replace(response.headers["x-request-id"], ""))
    for where, fields in ACTS:
        response = victim.browser.post(f"{server.origin}/admin/{where}", data=fields)
        assert response.status_code == 403
        seen.add(response.text.replace(response.headers["x-request-id"], ""))
    assert len(seen) == 1


def test_a_valid_form_does_not_admit_people_who_are_not_administrators(
    server: AuthorizationServer, victim: Person
) -> None:
    someone = AtTheConsole(server, victim)
    set_admin(server, victim.username, True)
    csrf = csrf_of(someone)
    set_admin(server, victim.username, False)
    response = someone.post("invitations", {"csrf": csrf, "action": "make", "uses": "1", "hours": "1"})
    assert response.status_code == 403
    assert "dw_ir_" not in response.text


def test_a_demoted_administrator_is_out_with_the_next_request(
    server: AuthorizationServer, victim: Person
) -> None:
    set_admin(server, victim.username, True)
    someone = AtTheConsole(server, victim)
    assert someone.open("people").status_code == 200
    set_admin(server, victim.username, False)
    assert someone.open("people").status_code == 403


def test_a_disabled_administrator_is_out_with_the_next_request(
    server: AuthorizationServer, victim: Person
) -> None:
    set_admin(server, victim.username, True)
    someone = AtTheConsole(server, victim)
    server.disable_user(victim.username)
    assert someone.open("people").url.path == "/login"


@pytest.mark.parametrize("csrf", [None, "", "x", "of another browser"])
def test_a_form_that_this_browser_was_not_given_does_nothing(
    server: AuthorizationServer, admin: AtTheConsole, victim: Person, csrf: str | None
) -> None:
    if csrf == "of another browser":
        other = Person(trust_env=False)
        csrf = csrf_of(AtTheConsole(server, other))
        other.close()
    fields = {
        "subject": server.subject_of(victim.username),
        "action": "disable",
        **({} if csrf is None else {"csrf": csrf}),
    }
    response = admin.post("person", fields)
    assert response.status_code == 400
    assert is_let_in(server, victim)


def test_a_link_does_nothing(server: AuthorizationServer, admin: AtTheConsole, victim: Person) -> None:
    csrf = csrf_of(admin)
    admin.open(f"person?name={victim.username}&action=disable&csrf={csrf}")
    assert is_let_in(server, victim)


def test_the_session_does_not_come_along_with_what_another_site_posts(server: AuthorizationServer) -> None:
    person = Person(trust_env=False)
    form = forms_of(person.open(f"{server.origin}/login?to=admin").text)[0]
    fields = {**form.fields, "username": "wesen", "password": "secret"}
    response = person.browser.post(f"{server.origin}/login", data=fields)
    name = cookie_name(server.issuer, "session")
    cookies = [c for c in response.headers.get_list("set-cookie") if c.startswith(f"{name}=")]
    assert len(cookies) == 1
    assert "SameSite=Lax" in cookies[0]
    assert "HttpOnly" in cookies[0]
    person.close()


def test_a_session_planted_before_the_login_is_not_the_administrators(server: AuthorizationServer) -> None:
    name, planted = cookie_name(server.issuer, "session"), "planted-by-somebody-else"
    person = Person(trust_env=False)
    person.browser.cookies.set(name, planted)
    AtTheConsole(server, person)
    with httpx2.Client(trust_env=False, cookies={name: planted}) as thief:
        response = thief.get(f"{server.origin}/admin/people")
        assert (response.status_code, response.headers["location"]) == (303, "../login?to=admin")
    person.close()


def test_a_session_alone_without_its_browser_gets_no_form(
    server: AuthorizationServer, admin: AtTheConsole
) -> None:
    name = cookie_name(server.issuer, "session")
    session = admin.person.browser.cookies[name]
    with httpx2.Client(trust_env=False, cookies={name: session}) as thief:
        assert thief.get(f"{server.origin}/admin/people").status_code == 303


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "../../x", "software", "register"])
def test_a_login_leads_to_no_place_that_somebody_else_chose(server: AuthorizationServer, to: str) -> None:
    person = Person(trust_env=False)
    page = person.open(f"{server.origin}/login?to={to}")
    assert to not in page.text
    assert person.submit(page, {"username": "wesen", "password": "secret", "to": to}).url.path == "/account"
    person.close()


@pytest.mark.requirement("SEC-4")
def test_what_clients_and_people_call_themselves_is_text(
    server: AuthorizationServer, admin: AtTheConsole
) -> None:
    for number, payload in enumerate(PAYLOADS):
        server.register(client_name=payload, redirect_uris=[f"https://host{number}.example/cb"])
    page = admin.open("software?q=host")
    assert harmless(page)
    for where in {part.split('"')[0] for part in page.text.split('href="')[1:] if part.startswith("clients")}:
        assert harmless(admin.open(where.replace("&amp;", "&")))
    username = nobodys("payload")
    server.add_user(username, "password", "".join(PAYLOADS)).close()
    for where in (f"people?q={username}", f"person?name={username}"):
        assert harmless(admin.open(where))
    for payload in PAYLOADS:
        url = httpx2.URL(f"{server.origin}/admin/people", params={"q": payload})
        assert harmless(admin.person.open(str(url)))

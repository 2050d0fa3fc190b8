"""GET and POST /account: what a person is connected to, and the end of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.auth_service.service import AuthorizationServer, nobodys
from tests.cookies import cookie_name
from tests.flow import Person, forms_of


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    """Somebody nobody else is."""
    person = server.add_user(nobodys("user"), "password")
    person.log_in(person.open(f"{server.origin}/login"))
    yield person
    person.close()


@pytest.mark.requirement("AS-16")
def test_a_person_sees_what_is_connected_and_ends_it(server: AuthorizationServer, person: Person) -> None:
    one, two = server.register(client_name="One <i>"), server.register(client_name="Two")
    ended, active = one.connect(person), two.connect(person)
    page = person.open(f"{server.origin}/account")
    assert "One &lt;i&gt;" in page.text
    assert "Two" in page.text
    assert "Read your notes" in page.text
    grant_id = server.introspect(ended["access_token"])["grant_id"]
    confirmation = person.open_disconnect(server.origin, grant_id)
    assert "One &lt;i&gt;" in confirmation.text
    assert server.is_active(ended["access_token"]), "only asked"
    after = person.submit(confirmation, {})
    assert "The application is disconnected." in after.text
    assert "One &lt;i&gt;" not in after.text
    assert not server.is_active(ended["access_token"])
    assert one.refresh(ended["refresh_token"]).json()["error"] == "invalid_grant"
    assert server.is_active(active["access_token"])


@pytest.mark.requirement("AS-23")
def test_logging_out_ends_the_session_and_nothing_else(server: AuthorizationServer, person: Person) -> None:
    tokens = server.register().connect(person)
    name = cookie_name(server.issuer, "session")
    session = person.browser.cookies[name]
    page = person.open(f"{server.origin}/account")
    (form,) = (form for form in forms_of(page.text) if form.action == "logout")
    person.follow(person.browser.post(f"{server.origin}/logout", data=form.fields))
    assert name not in person.browser.cookies
    person.browser.cookies.set(name, session)
    assert person.open(f"{server.origin}/account").url.path == "/login"
    assert server.is_active(tokens["access_token"])


def test_nobody_in_particular_is_asked_to_log_in(server: AuthorizationServer) -> None:
    for method in ("GET", "POST"):
        response = server.http.request(method, f"{server.origin}/account")
        assert (response.status_code, response.headers["location"]) == (303, "login")


@pytest.mark.requirement("AS-23", "SEC-9")
def test_what_others_are_connected_to_cannot_be_ended(server: AuthorizationServer, person: Person) -> None:
    theirs = server.connect()
    grant_id = server.introspect(theirs["access_token"])["grant_id"]
    server.register().connect(person)
    assert person.open_disconnect(server.origin, grant_id).url.query == b"", "there is nothing to confirm"
    page = person.open_disconnect(server.origin)
    assert person.submit(page, {"grant_id": grant_id}).status_code == 200
    assert server.is_active(theirs["access_token"])


@pytest.mark.requirement("AS-23", "SEC-16")
def test_a_form_posted_by_another_site_ends_nothing(server: AuthorizationServer, person: Person) -> None:
    tokens = server.register().connect(person)
    page = person.open_disconnect(server.origin)
    grant_id = forms_of(page.text)[0].fields["grant_id"]
    for csrf in (None, "wrong"):
        refused = person.submit(page, {"csrf": csrf, "action": "disconnect", "grant_id": grant_id})
        assert refused.status_code == 400
        person.browser.post(f"{server.origin}/logout", data={"csrf": csrf} if csrf else {})
    assert server.is_active(tokens["access_token"])
    assert person.open(f"{server.origin}/account").url.path == "/account"


@pytest.mark.requirement("AS-16")
def test_a_person_sees_under_which_subject_servers_know_them(
    server: AuthorizationServer, person: Person
) -> None:
    subject = server.introspect(server.register().connect(person)["access_token"])["sub"]
    assert f"<code>{subject}</code>" in person.open(f"{server.origin}/account").text

"""Changes in the console, over HTTP, on both stores (ID-8)."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator

import httpx2
import pytest

from tests.auth_service.console import AtTheConsole
from tests.auth_service.service import AuthorizationServer, nobodys, running
from tests.flow import Person, forms_of

pytestmark = pytest.mark.requirement("ID-8")

WEB = ["https://client.example/cb"]


@pytest.fixture(scope="module")
def shared_console(shared_server: AuthorizationServer) -> Iterator[AtTheConsole]:
    person = Person(trust_env=False)
    yield AtTheConsole(shared_server, person)
    person.close()


@pytest.fixture
def console(server: AuthorizationServer, shared_console: AtTheConsole) -> AtTheConsole:
    assert shared_console.server is server
    return shared_console


@pytest.fixture
def ada(server: AuthorizationServer) -> Iterator[Person]:
    person = server.add_user(nobodys("ada"), "password")
    yield person
    person.close()


def press_twice(console: AtTheConsole, page: httpx2.Response, action: str, **fields: str) -> httpx2.Response:
    """The page after a button was pressed twice; the second press must not show anything else."""
    form = console.form(page, action)
    first, second = (
        console.post(page.url.path, {**form.fields, **fields, "action": action}) for _ in range(2)
    )
    assert (second.status_code, second.url) == (first.status_code, first.url)
    assert secrets_in(first) == secrets_in(second)
    return first


def secrets_in(page: httpx2.Response) -> list[str]:
    return [html.unescape(text) for text in re.findall(r'<code class="secret">([^<]+)</code>', page.text)]


def person_page(console: AtTheConsole, name: str, confirm: str | None = None) -> httpx2.Response:
    return console.open(f"person?name={name}" + (f"&confirm={confirm}" if confirm else ""))


class TestClients:
    def make(self, console: AtTheConsole, **fields: str) -> tuple[str, ...]:
        page = console.open("new-client")
        usual = {"client_name": "Nightly", "grant2": "yes", "scope": "notes:read"}
        return tuple(secrets_in(press_twice(console, page, "create", **{**usual, **fields})))

    def token(self, console: AtTheConsole, client_id: str, secret: str) -> int:
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        return console.server.post("/token", **form).status_code

    def test_one_is_created_edited_disabled_enabled_and_removed(self, console: AtTheConsole) -> None:
        client_id, secret = self.make(console)
        assert self.token(console, client_id, secret) == 200
        page = console.open(f"client?id={client_id}")
        edited = press_twice(console, page, "edit", client_name="Daily", grant2="yes")
        assert "<bdi>Daily</bdi>" in edited.text
        stale = console.form(page, "edit")
        lost = console.post(
            "client", {**stale.fields, "client_name": "Weekly", "grant2": "yes", "action": "edit"}
        )
        assert lost.status_code == 409
        assert "in the meantime" in lost.text
        disabled = press_twice(console, edited, "disable")
        assert self.token(console, client_id, secret) == 400
        press_twice(console, disabled, "enable")
        assert self.token(console, client_id, secret) == 200
        left = press_twice(console, console.open(f"client?id={client_id}&confirm=remove"), "remove")
        assert left.url.path == "/admin/software"
        assert self.token(console, client_id, secret) == 401

    def test_a_public_one_has_no_secret(self, console: AtTheConsole) -> None:
        made = self.make(
            console,
            grant0="yes",
            grant2="",
            redirect_uris="http://127.0.0.1/cb\nhttps://a.example/cb",
            public="yes",
        )
        assert len(made) == 1

    @pytest.mark.parametrize(
        "fields",
        [
            {"client_name": "x", "grant0": "yes"},
            {"client_name": "x", "grant0": "yes", "redirect_uris": "javascript:alert(1)"},
            {"client_name": "x", "scope": '"'},
            {"client_name": "x" * 300},
        ],
    )
    def test_an_impossible_value_is_reported_and_the_form_is_kept(
        self, console: AtTheConsole, fields: dict[str, str]
    ) -> None:
        form = console.form(console.open("new-client"), "create")
        response = console.post("new-client", {"csrf": form.fields["csrf"], **fields, "action": "create"})
        assert response.status_code == 400
        assert "Not created" in response.text
        assert html.escape(fields["client_name"]) in response.text

    def test_one_that_registered_itself_is_not_edited(
        self, server: AuthorizationServer, console: AtTheConsole
    ) -> None:
        client = server.register(client_name="Own")
        page = console.open(f"client?id={client.client_id}")
        assert not any(("action", "edit") in form.buttons for form in forms_of(page.text))
        fields = {**console.form(page, "disable").fields, "version": "x", "action": "edit"}
        assert console.post("client", fields).status_code == 400

    def test_those_of_one_software_are_searched(
        self, server: AuthorizationServer, console: AtTheConsole
    ) -> None:
        name = nobodys("many")
        one, other = (server.register(client_name=name, redirect_uris=WEB) for _ in range(2))
        key = re.search(r"clients\?key=[0-9a-f]{32}", console.open(f"software?q={name}").text)
        assert key
        page = console.open(f"{key[0]}&q={one.client_id}")
        assert one.client_id in page.text
        assert other.client_id not in page.text


class TestPeople:
    def test_somebody_is_invited_and_sets_a_password(self, console: AtTheConsole) -> None:
        name = nobodys("eve")
        made = press_twice(console, console.open("people"), "invite", username=name, name="Eve")
        (link,) = secrets_in(made)
        person = Person(trust_env=False)
        page = person.open(link)
        person.submit(
            page, {"new_password": "seven moss harbours", "new_password_again": "seven moss harbours"}
        )
        person.close()
        assert "invited" not in person_page(console, name).text
        again = console.post(
            "people",
            {**console.form(console.open("people"), "invite").fields, "username": name, "action": "invite"},
        )
        assert again.status_code == 409
        assert "This username is taken." in again.text

    def test_one_is_renamed_and_keeps_what_is_connected(
        self, server: AuthorizationServer, console: AtTheConsole, ada: Person
    ) -> None:
        tokens, new = server.register().connect(ada), nobodys("king")
        page = press_twice(console, person_page(console, ada.username), "rename", username=new)
        assert f"<bdi>{new}</bdi>" in page.text
        assert server.introspect(tokens["access_token"])["username"] == new
        named = press_twice(console, page, "name", name="Ada King")
        assert "<bdi>Ada King</bdi>" in named.text
        addressed = press_twice(console, named, "email", email=f"{new}@corp.example")
        assert f"{new}@corp.example" in addressed.text

    def test_a_new_link_ends_the_sessions(
        self, server: AuthorizationServer, console: AtTheConsole, ada: Person
    ) -> None:
        ada.log_in(ada.open(f"{server.origin}/login"))
        page = press_twice(console, person_page(console, ada.username, "link"), "link")
        (link,) = secrets_in(page)
        assert ada.open(f"{server.origin}/account").url.path == "/login"
        assert ada.open(link).url.path == "/set-password"

    def test_a_lock_leaves_only_the_link(
        self, server: AuthorizationServer, console: AtTheConsole, ada: Person
    ) -> None:
        assert 'name="lock"' not in person_page(console, "wesen", "link").text, "not for the own account"
        page = press_twice(console, person_page(console, ada.username, "link"), "link", lock="yes")
        assert ada.log_in(ada.open(f"{server.origin}/login")).url.path == "/login"
        (link,) = secrets_in(page)
        assert ada.open(link).url.path == "/set-password"

    def test_a_form_sent_again_brings_no_replaced_link_back(self, console: AtTheConsole) -> None:
        name = nobodys("eve")
        page = console.open("people")
        form = {**console.form(page, "invite").fields, "username": name, "action": "invite"}
        (invitation,) = secrets_in(console.post("people", form))
        first = person_page(console, name, "link")
        (replaced,) = secrets_in(console.press(first, "link"))
        (latest,) = secrets_in(console.press(person_page(console, name, "link"), "link"))
        assert secrets_in(console.press(first, "link")) == []
        assert secrets_in(console.post("people", form)) == []
        person = Person(trust_env=False)
        opened = [person.open(link).status_code for link in (invitation, replaced, latest)]
        assert opened == [404, 404, 200]
        person.close()

    def test_an_administrator_is_made_and_unmade(
        self, server: AuthorizationServer, console: AtTheConsole, ada: Person
    ) -> None:
        press_twice(console, person_page(console, ada.username, "promote"), "promote")
        assert AtTheConsole(server, ada).open("people").status_code == 200
        press_twice(console, person_page(console, ada.username, "demote"), "demote")
        assert ada.open(f"{server.origin}/admin/people").status_code == 403

    def test_nobody_takes_their_own_rights(self, console: AtTheConsole) -> None:
        page = person_page(console, "wesen", "demote")
        assert "<h1>Demote" not in page.text
        fields = {**console.form(page, "rename").fields, "action": "demote"}
        assert console.post("person", fields).status_code == 400
        assert console.open("people").status_code == 200

    def test_all_connections_and_sessions_end(
        self, server: AuthorizationServer, console: AtTheConsole, ada: Person
    ) -> None:
        tokens = [server.register().connect(ada) for _ in range(2)]
        press_twice(console, person_page(console, ada.username, "end-all"), "end-all")
        assert not any(server.is_active(each["access_token"]) for each in tokens)
        page = press_twice(console, person_page(console, ada.username), "end-session")
        assert not any(("action", "end-session") in form.buttons for form in forms_of(page.text))
        assert ada.open(f"{server.origin}/account").url.path == "/login"

    def test_a_group_is_joined_and_left_and_listed(self, console: AtTheConsole, ada: Person) -> None:
        group = nobodys("ops")
        page = press_twice(console, person_page(console, ada.username), "join", group=group)
        assert f"<bdi>{group}</bdi>" in page.text
        assert group in console.open(f"groups?q={group[:8]}").text
        members = press_twice(console, console.open(f"group?name={group}"), "add", member="Eve@corp.example")
        assert "eve@corp.example" in members.text
        assert f"<bdi>{ada.username}</bdi>" in members.text, "listed by the subject"
        assert "eve@corp.example" not in console.open(f"group?name={group}&q=subject").text
        press_twice(console, members, "remove")
        left = press_twice(console, person_page(console, ada.username), "leave")
        assert group not in left.text
        wrong = console.form(console.open("groups"), "add").fields
        refused = console.post("groups", {**wrong, "group": "a b", "member": "x", "action": "add"})
        assert (refused.status_code, "Nothing was changed" in refused.text) == (400, True)


DANGEROUS = (
    *(("person", action) for action in ("delete", "promote", "demote", "link", "reset-factors", "join")),
    *(("person", action) for action in ("email", "confirm-email", "rename", "enable")),
    *(("client", action) for action in ("edit", "rotate", "remove", "enable")),
    *(("people", "invite"), ("invitations", "make")),
    *(("new-client", "create"), ("groups", "add"), ("group", "add")),
    *(("access", "add"), ("access", "contact"), ("access-rule", "edit")),
)


def test_what_is_dangerous_needs_the_password_once_the_login_is_ten_minutes_old(
    new_store: Callable[[], str],
) -> None:
    with running(new_store()) as server:
        person, victim = Person(trust_env=False), server.add_user("victim", "password")
        console = AtTheConsole(server, person)
        server.clock.advance(601)
        page = person_page(console, "victim", "delete")
        assert 'name="password"' in page.text
        csrf = console.form(page, "delete").fields["csrf"]
        for where, action in DANGEROUS:
            fields = {"csrf": csrf, "subject": server.subject_of("victim"), "action": action}
            # Wrong passwords are limited: one for each page.
            is_first = action == dict(reversed(DANGEROUS))[where]
            for password in ("", *(["wrong"] if is_first else [])):
                refused = console.post(where, {**fields, "password": password})
                assert refused.status_code == 401, (where, action)
                assert "Nothing was changed" in refused.text
        disabled = console.press(person_page(console, "victim"), "disable")
        assert "disabled" in disabled.text, "what can be undone goes on"
        left = press_twice(console, page, "delete", password="secret")
        assert left.url.path == "/admin/people"
        assert "victim" not in left.text
        for someone in (person, victim):
            someone.close()


def test_a_fresh_login_is_not_asked_for_the_password(console: AtTheConsole, ada: Person) -> None:
    assert 'name="password"' not in person_page(console, ada.username, "delete").text
    assert 'name="password"' not in console.open("new-client").text

"""The console, over HTTP, on both stores."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from auth_service.clients.repository import ClientRepository
from tests.auth_service.console import AtTheConsole
from tests.auth_service.service import AuthorizationServer, nobodys, running
from tests.flow import Person, forms_of

pytestmark = pytest.mark.requirement("AS-7")

PAGES = ("software", "invitations", "people", "person?name=wesen")
WEB = ["https://client.example/cb"]


@pytest.fixture(scope="module")
def shared_console(shared_server: AuthorizationServer) -> Iterator[AtTheConsole]:
    person = Person(trust_env=False)
    yield AtTheConsole(shared_server, person)
    person.close()


@pytest.fixture
def console(server: AuthorizationServer, shared_console: AtTheConsole) -> AtTheConsole:
    """An administrator who has logged in."""
    assert shared_console.server is server
    return shared_console


def key_of(console: AtTheConsole, name: str) -> str:
    """The key of the software of that name."""
    page = console.open(f"software?q={name}")
    match = re.search(r"clients\?key=([0-9a-f]{32})", page.text)
    assert match, page.text
    return match.group(1)


def test_the_way_in_is_a_login_and_leads_to_the_first_page(server: AuthorizationServer) -> None:
    person = Person(trust_env=False)
    page = person.open(f"{server.origin}/admin")
    assert page.url.path == "/login"
    again = person.submit(page, {"username": "wesen", "password": "wrong"})
    assert again.status_code == 401
    assert person.log_in(again).url.path == "/admin/software"
    person.close()


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_served_as_a_page(console: AtTheConsole, page: str) -> None:
    response = console.open(page)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["cross-origin-opener-policy"] == "same-origin"


def test_what_is_not_there_is_not_found(console: AtTheConsole) -> None:
    for page in ("nothing", "clients", "clients?key=x", "person", "person?name=nobody"):
        assert console.open(page).status_code == 404, page


def test_a_login_is_good_for_an_hour_here(new_store: Callable[[], str]) -> None:
    with running(new_store()) as server:
        person = Person(trust_env=False)
        console = AtTheConsole(server, person)
        form = console.form(console.open("invitations"), "make")
        server.clock.advance(3_601)
        assert console.open("software").url.path == "/login"
        stale = console.post("invitations", {**form.fields, "action": "make"})
        assert stale.url.path == "/login"
        assert person.open(f"{server.origin}/account").url.path == "/account", "elsewhere it lasts"
        assert person.log_in(stale).url.path == "/admin/software"
        assert "No invitations" in console.open("invitations").text
        person.close()


class TestSoftware:
    def test_what_registers_again_is_one_group_with_a_count(
        self, server: AuthorizationServer, console: AtTheConsole
    ) -> None:
        for _ in range(3):
            client = server.register(client_name="Again and again", redirect_uris=WEB)
        server.connect(client)
        page = console.open("software?q=Again and again")
        assert page.text.count("Again and again") == 2, "the group, and what was looked for"
        assert re.search(r"<strong>3</strong> registered, 2 unused", page.text)
        assert "client.example" in page.text
        group = console.open(f"clients?key={key_of(console, 'Again and again')}")
        assert group.text.count("<strong>1</strong> connected") == 1
        assert group.text.count("<strong>0</strong> connected") == 2
        assert group.text.count("never used") == 2

    def test_software_of_one_id_is_one_group_whatever_its_name(
        self, server: AuthorizationServer, console: AtTheConsole
    ) -> None:
        for number in range(2):
            server.register(client_name=f"Version {number}", software_id="the-same")
        page = console.open("software?q=Version")
        assert "<strong>2</strong> registered" in page.text

    def test_a_client_is_removed_with_all_it_was_granted(
        self, server: AuthorizationServer, console: AtTheConsole
    ) -> None:
        doomed = server.register(client_name="Doomed", redirect_uris=WEB)
        client = server.register(client_name="Doomed", redirect_uris=WEB)
        tokens, others = server.connect(doomed), server.connect(client)
        page = console.open(f"clients?key={key_of(console, 'Doomed')}")
        assert f"client?id={doomed.client_id}&amp;confirm=remove" in page.text
        after = console.press(console.open(f"client?id={doomed.client_id}&confirm=remove"), "remove")
        assert doomed.client_id not in after.text
        assert client.client_id in after.text
        assert not server.is_active(tokens["access_token"])
        assert server.is_active(others["access_token"])
        assert doomed.refresh(tokens["refresh_token"]).status_code == 401
        last = console.press(console.open(f"client?id={client.client_id}&confirm=remove"), "remove")
        assert last.url.path == "/admin/software"

    def test_those_that_nobody_uses_are_removed_together_and_no_other(
        self, server: AuthorizationServer, console: AtTheConsole
    ) -> None:
        response = [server.register(client_name="Many", redirect_uris=WEB) for _ in range(4)]
        operators = server.operator_registers(
            client_name="Many",
            redirect_uris=WEB,
            grant_types=["authorization_code"],
            token_endpoint_auth_method="none",
        )
        tokens = server.connect(response[0])
        page = console.open(f"clients?key={key_of(console, 'Many')}")
        after = console.press(page, "remove_unused")
        assert after.status_code == 200
        for client in (response[0], operators):
            assert client.client_id in after.text
        for client in response[1:]:
            assert client.client_id not in after.text
        assert server.is_active(tokens["access_token"])
        assert response[0].refresh(tokens["refresh_token"]).status_code == 200

    def test_one_that_comes_to_be_used_meanwhile_stays(self, server: AuthorizationServer) -> None:
        client = server.register()
        server.connect(client)
        deleted = server.with_store(
            lambda s: ClientRepository(s, server.clock).delete_unused(client.client_id)
        )
        assert not deleted
        assert server.connect(client)["access_token"]

    def test_a_page_shows_a_part_of_many(self, new_store: Callable[[], str]) -> None:
        with running(new_store()) as server:
            for number in range(30):
                server.register(client_name=f"Tool {number}", redirect_uris=WEB)
            person = Person(trust_env=False)
            console = AtTheConsole(server, person)
            first = console.open("software")
            assert first.text.count("clients?key=") == 25
            assert "1 to 25 of 30" in first.text
            second = console.open("software?p=1")
            assert second.text.count("clients?key=") == 5
            for page_number in ("99", "-1", "x", "9" * 50):
                assert console.open(f"software?p={page_number}").status_code == 200
            person.close()


class TestInvitations:
    def test_one_is_made_shown_once_used_and_revoked(self, new_store: Callable[[], str]) -> None:
        with running(new_store(), registration="token") as server:
            person = Person(trust_env=False)
            console = AtTheConsole(server, person)
            form = console.form(console.open("invitations"), "make")
            fields = {**form.fields, "uses": "2", "hours": "5", "action": "make"}
            response = console.post("invitations", fields)
            (token,) = re.findall(r"dw_ir_[A-Za-z0-9_-]+", response.text)
            page = console.open("invitations")
            assert token not in page.text
            assert "<strong>2</strong> registrations left" in page.text
            assert "by <bdi>wesen</bdi>" in page.text
            assert self.register(server, token) == 201
            page = console.open("invitations")
            assert "<strong>1</strong> registration left" in page.text
            after = console.press(page, "revoke")
            assert "No invitations" in after.text
            assert self.register(server, token) == 401
            person.close()

    @staticmethod
    def register(server: AuthorizationServer, token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        body = {"redirect_uris": WEB, "token_endpoint_auth_method": "none"}
        return server.http.post(f"{server.origin}/register", json=body, headers=headers).status_code

    @pytest.mark.parametrize(
        "fields",
        [
            {"uses": "0"},
            {"uses": "x"},
            {"hours": "-1"},
            {"hours": "9" * 30},
            {"uses": ""},
            {"uses": f"{1:09}{9:010}"},
        ],
    )
    def test_numbers_that_make_no_sense_are_refused(
        self, console: AtTheConsole, fields: dict[str, str]
    ) -> None:
        form = console.form(console.open("invitations"), "make")
        response = console.post("invitations", {**form.fields, **fields, "action": "make"})
        assert response.status_code == 400
        assert "dw_ir_" not in response.text


class TestPeople:
    @pytest.fixture
    def ada(self, server: AuthorizationServer) -> Iterator[Person]:
        person = server.add_user(nobodys("ada"), "password", "Ada Lovelace")
        yield person
        person.close()

    def test_the_page_shows_which_person_connected_which_client(
        self, server: AuthorizationServer, console: AtTheConsole, ada: Person
    ) -> None:
        client = server.register(client_name="Of Ada")
        client.connect(ada)
        people = console.open(f"people?q={ada.username}")
        assert people.text.count("<strong>1</strong> connected") == 1
        page = console.open(f"person?name={ada.username}")
        for text in ("Ada Lovelace", "Of Ada", client.client_id, "Notes", "notes:read"):
            assert text in page.text

    def test_a_subject_from_the_log_of_a_server_leads_to_the_person(
        self, server: AuthorizationServer, console: AtTheConsole, ada: Person
    ) -> None:
        subject = server.introspect(server.register().connect(ada)["access_token"])["sub"]
        people = console.open(f"people?q={subject}")
        assert people.text.count("connected</p>") == 1
        assert f"<code>{subject}</code>" in people.text
        assert ada.username in people.text
        assert f"<code>{subject}</code>" in console.open(f"person?name={ada.username}").text

    def test_a_grant_is_ended(self, server: AuthorizationServer, console: AtTheConsole, ada: Person) -> None:
        ended, client = server.register().connect(ada), server.register().connect(ada)
        page = console.open(f"person?name={ada.username}")
        grant_id = server.introspect(ended["access_token"])["grant_id"]
        after = console.press(page, "end", grant_id=grant_id)
        assert grant_id not in after.text
        assert not server.is_active(ended["access_token"])
        assert server.is_active(client["access_token"])

    def test_only_a_grant_of_that_person_is_ended(
        self, server: AuthorizationServer, console: AtTheConsole, ada: Person
    ) -> None:
        theirs = server.connect()
        server.register().connect(ada)
        form = console.form(console.open(f"person?name={ada.username}"), "end")
        grant_id = server.introspect(theirs["access_token"])["grant_id"]
        console.post("person", {**form.fields, "grant_id": grant_id, "action": "end"})
        assert server.is_active(theirs["access_token"])

    def test_somebody_is_locked_out_and_admitted_again(
        self, server: AuthorizationServer, console: AtTheConsole, ada: Person
    ) -> None:
        tokens = server.register().connect(ada)
        page = console.open(f"person?name={ada.username}")
        after = console.press(page, "disable")
        assert "disabled" in after.text
        assert not server.is_active(tokens["access_token"])
        assert ada.open(f"{server.origin}/account").url.path == "/login"
        assert "disabled" not in console.press(after, "enable").text
        assert ada.log_in(ada.open(f"{server.origin}/login")).url.path == "/account"

    def test_nobody_locks_themselves_out(self, server: AuthorizationServer, console: AtTheConsole) -> None:
        page = console.open("person?name=wesen")
        assert not any(("action", "disable") in form.buttons for form in forms_of(page.text))
        csrf = console.form(console.open("invitations"), "make").fields["csrf"]
        response = console.post(
            "person", {"csrf": csrf, "subject": server.subject_of("wesen"), "action": "disable"}
        )
        assert response.status_code == 400
        assert console.open("people").status_code == 200


def test_a_resource_that_is_no_longer_configured_does_not_break_the_page(
    new_store: Callable[[], str],
) -> None:
    store = new_store()
    with running(store) as server:
        server.connect()
    other = {
        "id": "resource",
        "secret": "s" * 32,
        "resources": [{"resource": "https://new.example/mcp", "name": "New", "scopes": {"new": "Do it"}}],
    }
    with running(store, resource_servers=[other]) as server:
        person = Person(trust_env=False)
        console = AtTheConsole(server, person)
        assert "https://mcp.example/mcp" in console.open("person?name=wesen").text
        account = person.open(f"{server.origin}/account")
        assert account.status_code == 200
        assert "https://mcp.example/mcp" in account.text
        person.close()


def test_everything_that_is_done_is_logged_with_who_did_it(
    server: AuthorizationServer, console: AtTheConsole
) -> None:
    client = server.register(client_name="Logged")
    with capture_logs() as lines:
        console.press(console.open(f"client?id={client.client_id}&confirm=remove"), "remove")
        console.press(console.open("invitations"), "make")
        console.press(console.open("invitations"), "revoke")
    logged = [(line["action"], line["by"]) for line in lines if line["event"] == "administration"]
    actions = ("client removed", "invitation made", "invitation revoked")
    assert logged == [(action, "wesen") for action in actions]

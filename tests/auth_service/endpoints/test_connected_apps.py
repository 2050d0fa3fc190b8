"""The connected programs on the account page: what is said of them, and how they are disconnected."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from auth_service.protocol.grant_use import USE_RECORDED_EVERY_S
from tests.auth_service.service import AuthorizationServer, nobodys, running
from tests.flow import Person, disconnect_links, forms_of
from tests.servers import wait_until

pytestmark = pytest.mark.requirement("ID-7")

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    person = server.add_user(nobodys("user"), "password")
    person.browser.headers["User-Agent"] = FIREFOX
    person.log_in(person.open(f"{server.origin}/login"))
    yield person
    person.close()


def account(server: AuthorizationServer, person: Person) -> str:
    return person.open(f"{server.origin}/account").text


def test_a_connection_says_where_and_how_it_was_made(server: AuthorizationServer, person: Person) -> None:
    server.register(client_name="Facts").connect(person)
    page = account(server, person)
    assert "Allowed in Firefox on Linux, from network 127.0.0.1" in page
    assert "Read your notes" in page
    assert page.count("last used") == 2, "of the program, and of its one connection"


def test_programs_come_in_the_order_of_their_last_use(new_store: Callable[[], str]) -> None:
    with running(new_store()) as server:
        person = server.person
        person.log_in(person.open(f"{server.origin}/login"))
        used = server.register(client_name="Older and used").connect(person)
        server.clock.advance(10)
        server.register(client_name="Newer").connect(person)
        before = account(server, person)
        assert before.index("Newer") < before.index("Older and used")
        server.clock.advance(USE_RECORDED_EVERY_S)
        assert server.is_active(used["access_token"])
        wait_until(lambda: (now := account(server, person)).index("Older") < now.index("Newer"))


def test_a_use_is_written_no_more_than_once_in_its_interval(new_store: Callable[[], str]) -> None:
    with running(new_store()) as server:
        tokens = server.connect(server.register())
        grant_id = server.introspect(tokens["access_token"])["grant_id"]

        def used_at() -> int:
            return server.grant(grant_id).used_at

        server.clock.advance(USE_RECORDED_EVERY_S)
        before = int(server.clock())
        assert server.is_active(tokens["access_token"])
        wait_until(lambda: used_at() >= before)
        first = used_at()
        server.clock.advance(USE_RECORDED_EVERY_S - 60)  # the token is valid for ten minutes
        for _ in range(3):
            assert server.is_active(tokens["access_token"])
        assert used_at() == first


def test_registrations_of_one_program_are_one_group_that_is_disconnected_at_once(
    server: AuthorizationServer, person: Person
) -> None:
    many = [server.register(client_name="Again", software_id="again").connect(person) for _ in range(3)]
    other = server.register(client_name="Other").connect(person)
    page = account(server, person)
    assert "Connected 3 times" in page
    assert len(disconnect_links(page)) == 4
    (key,) = re.findall(r"action=disconnect_app&amp;app=([0-9a-f]+)", page)
    confirmation = person.open(f"{server.origin}/account?action=disconnect_app&app={key}")
    assert "Again: 3 connections" in confirmation.text
    after = person.submit(confirmation, {})
    assert "All connections of the application have ended." in after.text
    assert [server.is_active(tokens["access_token"]) for tokens in [*many, other]] == [False] * 3 + [True]
    assert "All connections" in person.submit(confirmation, {}).text, "pressed twice"


def test_a_message_is_not_shown_for_a_link_that_somebody_made_up(
    server: AuthorizationServer, person: Person
) -> None:
    for made_up in ("disconnected", "x", ""):
        page = person.open(f"{server.origin}/account?done={made_up}")
        assert 'role="status"' not in page.text


def test_an_action_that_does_not_exist_is_refused(server: AuthorizationServer, person: Person) -> None:
    server.register().connect(person)
    page = person.open_disconnect(server.origin)
    assert person.submit(page, {"action": "explode"}).status_code == 400
    assert person.submit(page, {"action": None}).status_code == 400
    assert person.open(f"{server.origin}/account?action=explode").status_code == 400
    assert forms_of(page.text)[0].fields["grant_id"] in disconnect_links(account(server, person))[0]

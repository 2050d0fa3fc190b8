"""The facts about a client on the consent page that the client did not choose itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.auth_service.service import AuthorizationServer, nobodys, running
from tests.flow import Client, Person, Pkce

pytestmark = pytest.mark.requirement("ID-9")


def consent(server: AuthorizationServer, person: Person, client: Client) -> str:
    page = person.open(client.authorization_url(Pkce(), prompt="consent"))
    return (person.log_in(page) if page.url.path == "/login" else page).text


def test_the_page_says_how_old_a_registration_is(new_store: Callable[[], str]) -> None:
    with running(new_store()) as server:
        client = server.register()
        assert "less than a minute ago, not used by anybody else here" in consent(
            server, server.person, client
        )
        server.clock.advance(180)
        assert "3 minutes ago, not used" in consent(server, server.person, client)


def test_the_page_says_how_many_others_use_a_client(server: AuthorizationServer) -> None:
    client, copy = server.register(client_name="Counted"), server.register(client_name="Counted")
    people = [server.add_user(nobodys("user"), "password") for _ in range(3)]
    for expected, person in enumerate(people):
        words = ("not used by anybody else", "used by one other person", "used by 2 other people")[expected]
        assert f"{words} here" in consent(server, person, client)
        for _ in range(2):
            client.connect(person, prompt="consent")
        assert f"{words} here" in consent(server, person, client), "oneself does not count"
    assert "not used by anybody else here" in consent(server, people[0], copy), "the same name proves nothing"
    for person in people:
        person.close()


def test_a_refusal_is_not_a_use(server: AuthorizationServer) -> None:
    client = server.register()
    one, two = (server.add_user(nobodys("user"), "password") for _ in range(2))
    one.authorize(client.authorization_url(Pkce()), decision="deny")
    assert "not used by anybody else here" in consent(server, two, client)
    one.close()
    two.close()


def test_the_page_warns_of_a_name_that_looks_like_another(server: AuthorizationServer) -> None:
    person = server.add_user(nobodys("user"), "password")
    warned = consent(server, person, server.register(client_name="Cl\u0430ude"))
    assert "This name looks like <strong>Claude</strong>" in warned
    mixed = consent(server, person, server.register(client_name="Acm\u0435 Notes"))
    assert "mixes letters of different alphabets" in mixed
    plain = consent(server, person, server.register(client_name="Claude"))
    assert "looks like" not in plain
    assert "different alphabets" not in plain
    person.close()

"""Codes and requests of a login session end with it, however the session ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.grants.repository import GrantRepository
from auth_service.users.sessions import SessionRepository
from shared.storage.interface import Store
from tests.auth_service.endpoints.devices import Device
from tests.auth_service.service import AuthorizationServer, nobodys
from tests.cookies import cookie_name
from tests.flow import Client, Person, Pkce, disconnect_links, forms_of

End = Callable[[AuthorizationServer, Person], None]
PASSWORD, OTHER_PASSWORD = "a password", "another password"


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    person = server.add_user(nobodys("user"), PASSWORD)
    yield person
    person.close()


def log_out(server: AuthorizationServer, person: Person) -> None:
    page = person.open(f"{server.origin}/account")
    (form,) = (form for form in forms_of(page.text) if form.action == "logout")
    person.follow(person.browser.post(f"{server.origin}/logout", data=form.fields))


def disable_and_enable(server: AuthorizationServer, person: Person) -> None:
    server.disable_user(person.username)
    server.enable_user(person.username)


def change_password(server: AuthorizationServer, person: Person) -> None:
    server.set_password(person.username, OTHER_PASSWORD)
    person.password = OTHER_PASSWORD


def change_password_and_keep(server: AuthorizationServer, person: Person) -> None:
    server.set_password(person.username, OTHER_PASSWORD, keep_connections=True)
    person.password = OTHER_PASSWORD


def log_in_as_somebody_else(server: AuthorizationServer, person: Person) -> None:
    other = server.add_user(nobodys("other"), PASSWORD)
    own, person.username = person.username, other.username
    person.log_in(person.open(f"{server.origin}/login"))
    person.username = own
    other.close()


ENDS = [log_out, disable_and_enable, change_password, change_password_and_keep, log_in_as_somebody_else]
every_end = pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)


@pytest.mark.requirement("SEC-6", "AS-23")
@every_end
def test_a_code_ends_with_its_session(server: AuthorizationServer, person: Person, end: End) -> None:
    client, pkce = server.register(), Pkce()
    code = person.authorize(client.authorization_url(pkce))["code"]
    end(server, person)
    assert client.redeem(code, pkce).json()["error"] == "invalid_grant"
    assert "code" in person.authorize(client.authorization_url(Pkce())), "the person can begin again"


@pytest.mark.requirement("AS-12", "AS-23")
@every_end
def test_a_device_approval_ends_with_its_session(
    server: AuthorizationServer, person: Person, end: End
) -> None:
    device = Device(server).begin()
    device.decide(person)
    end(server, person)
    # Clients throw their registration away on invalid_client; this is not about the client (RFC 8628 §3.5).
    assert [device.error(), device.error()] == ["access_denied", "access_denied"]


@pytest.mark.requirement("AS-12")
def test_a_device_of_a_disabled_user_is_denied_and_its_client_is_not_at_fault(
    server: AuthorizationServer, person: Person
) -> None:
    device = Device(server).begin()
    device.decide(person)
    server.disable_user(person.username)
    assert [device.error(), device.error()] == ["access_denied", "access_denied"]


@pytest.mark.requirement("AS-23")
def test_a_session_that_expires_has_ended(server: AuthorizationServer, person: Person) -> None:
    client, pkce, device = server.register(), Pkce(), Device(server)
    person.log_in(person.open(f"{server.origin}/login"))
    session_s = 7 * 86_400
    server.clock.advance(session_s - 30)
    device.begin()
    code = person.authorize(client.authorization_url(pkce))["code"]
    device.decide(person)
    server.clock.advance(31)
    assert client.redeem(code, pkce).json()["error"] == "invalid_grant"
    assert device.error() == "access_denied"


@pytest.mark.requirement("SEC-7", "SEC-16")
def test_a_password_change_ends_what_was_connected_with_the_old_one(
    server: AuthorizationServer, person: Person
) -> None:
    client = server.register()
    tokens = client.connect(person)
    change_password(server, person)
    assert not server.is_active(tokens["access_token"])
    assert client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.requirement("SEC-16")
def test_connections_can_be_kept_over_a_password_change(server: AuthorizationServer, person: Person) -> None:
    client = server.register()
    tokens = client.connect(person)
    change_password_and_keep(server, person)
    assert client.refresh(tokens["refresh_token"]).status_code == 200
    assert person.open(f"{server.origin}/account").url.path == "/login"


@pytest.mark.requirement("SEC-16")
def test_a_password_change_spares_the_session_it_is_made_in_and_what_was_given_there(
    server: AuthorizationServer, person: Person
) -> None:
    client, pkce = server.register(), Pkce()
    elsewhere = Person(person.username, PASSWORD, trust_env=False)
    theirs, mine = client.connect(elsewhere), client.connect(person)
    waiting = person.authorize(client.authorization_url(pkce))["code"]

    async def change(store: Store) -> None:
        sessions = SessionRepository(store, server.clock, ttl_s=1)
        accounts = AccountLifecycle.of_store(store, server.clock)
        session = await sessions.find(person.browser.cookies[cookie_name(server.issuer, "session")])
        assert session is not None
        user = await accounts.users.named(person.username)
        await accounts.set_password(user, OTHER_PASSWORD, session=session)

    server.with_store(change)
    assert not server.is_active(theirs["access_token"])
    assert elsewhere.open(f"{server.origin}/account").url.path == "/login"
    assert server.is_active(mine["access_token"])
    assert client.redeem(waiting, pkce).status_code == 200
    assert person.open(f"{server.origin}/account").url.path == "/account"
    elsewhere.close()


@pytest.mark.requirement("AS-23")
def test_logging_out_on_one_computer_leaves_what_was_given_on_another(
    server: AuthorizationServer, person: Person
) -> None:
    client, pkce = server.register(), Pkce()
    elsewhere = Person(person.username, PASSWORD, trust_env=False)
    elsewhere.log_in(elsewhere.open(f"{server.origin}/login"))
    code = person.authorize(client.authorization_url(pkce))["code"]
    log_out(server, elsewhere)
    assert client.redeem(code, pkce).status_code == 200
    elsewhere.close()


def listed(server: AuthorizationServer, client: Client) -> list[str]:
    """The index of the client's grants, ended ones included."""
    return server.with_store(lambda store: store.index_list(f"doorward:client-grants:{client.client_id}"))


@pytest.mark.requirement("AS-16")
def test_a_grant_that_ends_is_listed_no_longer_however_it_ends(
    server: AuthorizationServer, person: Person
) -> None:
    client = server.register()
    revoked, reused, active = (client.connect(person) for _ in range(3))
    pkce = Pkce()
    code = person.authorize(client.authorization_url(pkce))["code"]
    assert len(listed(server, client)) == 4
    client.revoke(revoked["access_token"])
    second = client.refresh(reused["refresh_token"]).json()
    client.refresh(client.refresh(second["refresh_token"]).json()["refresh_token"])
    assert client.refresh(reused["refresh_token"]).json()["error"] == "invalid_grant"
    log_out(server, person)
    assert client.redeem(code, pkce).json()["error"] == "invalid_grant"
    assert listed(server, client) == [server.introspect(active["access_token"])["grant_id"]]


@pytest.mark.requirement("AS-16")
def test_a_grant_that_runs_out_is_not_shown_and_swept_out(
    server: AuthorizationServer, person: Person
) -> None:
    brief = server.register(grant_types=["authorization_code"], client_name="Brief")
    brief.connect(person)
    assert "Brief" in person.open(f"{server.origin}/account").text
    server.clock.advance(3_601)
    assert "Brief" not in person.open(f"{server.origin}/account").text

    async def of_client(store: Store) -> None:
        assert await GrantRepository(store, server.clock).of_client(brief.client_id) == []

    server.with_store(of_client)
    assert listed(server, brief) == []


async def _dead(store: Store, server: AuthorizationServer, subject: str, count: int) -> None:
    for number in range(count):
        await store.index_add(f"doorward:subject-grants:{subject}", f"dead-{number:04}", ttl_s=3_600)


@pytest.mark.requirement("AS-16", "AS-7")
@pytest.mark.parametrize("dead", [0, 450])
def test_lists_show_what_lives_however_much_has_died(
    server: AuthorizationServer, person: Person, dead: int
) -> None:
    clients = [server.register(client_name=f"Living {number}") for number in range(30)]
    tokens = [client.connect(person) for client in clients[:4]]
    subject = server.introspect(tokens[0]["access_token"])["sub"]
    server.with_store(lambda store: _dead(store, server, subject, dead))
    page = person.open(f"{server.origin}/account")
    assert [f"Living {number}" in page.text for number in range(5)] == [True] * 4 + [False]
    for client in clients[4:]:
        client.connect(person)
    first, second = (person.open(f"{server.origin}/account?p={number}").text for number in (0, 1))
    assert (len(disconnect_links(first)), len(disconnect_links(second))) == (25, 5)

"""The page on which the first administrator is created, once (ID-8)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256

import pytest

from auth_service.accounts.lifecycle import AccountLifecycle
from auth_service.users.repository import User
from auth_service.wiring.page_context import DEMO_NOTICE
from shared.clock import system_clock
from shared.storage.interface import Store
from tests.auth_service.endpoints.passkey_pages import options_on, send
from tests.auth_service.endpoints.soft_passkey import SoftPasskey
from tests.auth_service.service import AuthorizationServer, elsewhere, running
from tests.flow import Person
from tests.servers import free_port

pytestmark = pytest.mark.requirement("ID-6", "ID-10", "SEC-16")

PASSWORD = "seven moss harbours"
SECRET = "the secret of the link"


def configured(life_s: int = 3_600) -> str:
    return f"{sha256(SECRET.encode()).hexdigest()}:{int(system_clock()) + life_s}"


@pytest.fixture
def store_of_two(new_store: Callable[[], str]) -> str:
    return new_store()


@pytest.fixture
def fresh(store_of_two: str) -> Iterator[AuthorizationServer]:
    """A new installation, with nobody in it."""
    with running(store_of_two, demo_user=False, setup_link=configured()) as server:
        yield server


@pytest.fixture
def named(store_of_two: str) -> Iterator[AuthorizationServer]:
    """A new installation at a name, as passkeys need."""
    port = free_port()
    issuer = f"http://localhost:{port}"
    with running(store_of_two, demo_user=False, setup_link=configured(), port=port, issuer=issuer) as server:
        server.origin = server.issuer
        yield server


@pytest.fixture
def holder() -> Iterator[Person]:
    holder = Person(trust_env=False, transport=elsewhere())
    yield holder
    holder.close()


def fields(username: str, password: str = PASSWORD) -> dict[str, str | None]:
    return {"username": username, "new_password": password, "new_password_again": password}


def url(server: AuthorizationServer, secret: str = SECRET) -> str:
    return f"{server.origin}/set-up?link={secret}"


def people(server: AuthorizationServer) -> list[User]:
    async def everybody(store: Store) -> list[User]:
        return await AccountLifecycle.of_store(store, server.clock).users.list()

    return server.with_store(everybody)


def test_the_link_creates_an_administrator_once(fresh: AuthorizationServer, holder: Person) -> None:
    page = holder.open(url(fresh))
    weak = holder.submit(page, fields("ada", "password1"))
    assert (weak.status_code, "easily guessed" in weak.text) == (400, True)
    assert people(fresh) == []
    answers = [holder.submit(page, fields("ada")) for _ in range(2)]
    assert ["Administrator created" in answer.text for answer in answers] == [True, True]
    assert [(user.username, user.admin) for user in people(fresh)] == [("ada", True)]
    assert (holder.open(url(fresh)).status_code, holder.submit(page, fields("eve")).status_code) == (404, 404)
    # Also when that administrator is gone.
    fresh.delete_user("ada")
    assert holder.open(url(fresh)).status_code == 404


@pytest.mark.requirement("ID-5")
def test_a_passkey_creates_an_administrator_without_a_password_who_logs_in_with_it(
    named: AuthorizationServer, holder: Person
) -> None:
    page = holder.open(url(named))
    key = SoftPasskey(named.issuer)
    credential = key.create(options_on(page))
    answers = [send(holder, page, credential, username="ada") for _ in range(2)]
    assert ["Administrator created" in answer.text for answer in answers] == [True, True]
    assert [(user.username, user.admin, user.password_hash) for user in people(named)] == [("ada", True, "")]
    login = holder.open(f"{named.origin}/passkey-login")
    assert "ada" in send(holder, login, key.get(options_on(login))).text


@pytest.mark.requirement("ID-5")
@pytest.mark.parametrize("why", ["not verified", "another subject", "another browser", "not a name"])
def test_a_passkey_that_could_not_log_in_creates_nobody(
    named: AuthorizationServer, holder: Person, why: str
) -> None:
    page = holder.open(url(named))
    options = options_on(page)
    if why == "another browser":
        with closing(Person(trust_env=False, transport=elsewhere())) as other:
            options = options_on(other.open(url(named)))
    credential = SoftPasskey(named.issuer, verifies=why != "not verified").create(options)
    more = {"subject": "x"} if why == "another subject" else {}
    refused = send(holder, page, credential, username="a b" if why == "not a name" else "ada", **more)
    assert (refused.status_code, people(named)) == (400, [])
    assert holder.open(url(named)).status_code == 200


@pytest.mark.parametrize("why", ["wrong", "expired", "an administrator"])
def test_another_link_creates_nobody(fresh: AuthorizationServer, holder: Person, why: str) -> None:
    if why == "expired":
        fresh.clock.advance(3_600)
    if why == "an administrator":
        fresh.add_user("root", PASSWORD).close()
        fresh.with_account("root", lambda accounts, user: accounts.users.set_admin(user, True))
    opened = holder.open(url(fresh, "another" if why == "wrong" else SECRET))
    assert (opened.status_code, "This link is not valid" in opened.text) == (404, True)


def test_without_a_link_in_the_settings_nothing_opens_it(server: AuthorizationServer, holder: Person) -> None:
    assert [holder.open(url(server, secret)).status_code for secret in (SECRET, "")] == [404, 404]


def test_of_two_people_at_two_servers_one_becomes_administrator(
    fresh: AuthorizationServer, store_of_two: str
) -> None:
    with running(store_of_two, demo_user=False, setup_link=configured()) as other:
        holders = [Person(trust_env=False, transport=elsewhere()) for _ in range(4)]
        pages = [holder.open(url((fresh, other)[number % 2])) for number, holder in enumerate(holders)]
        with ThreadPoolExecutor(4) as pool:
            answers = list(
                pool.map(
                    lambda number: holders[number].submit(pages[number], fields(f"ada{number}")), range(4)
                )
            )
        for holder in holders:
            holder.close()
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404]
    assert [user.admin for user in people(fresh)] == [True]


def test_the_first_administrator_replaces_the_demo_user(store_of_two: str, holder: Person) -> None:
    with running(store_of_two, demo_user=True, setup_link=configured()) as server:
        assert DEMO_NOTICE in holder.open(f"{server.origin}/login").text
        answer = holder.submit(holder.open(f"{url(server)}&back=9002/path/server"), fields("ada"))
        assert 'href="http://localhost:9002/path/server"' in answer.text
        assert [user.username for user in people(server)] == ["ada"]
        assert DEMO_NOTICE not in holder.open(f"{server.origin}/login?again").text
    with running(store_of_two, demo_user=True) as again:
        assert [user.username for user in people(again)] == ["ada"]
        assert DEMO_NOTICE not in holder.open(f"{again.origin}/login").text


@pytest.mark.parametrize(
    "back", ["9002", "//evil.test", "80@evil.test/a/server", "9002/../x", "9002/a/server/"]
)
def test_the_page_leads_only_to_the_set_up_page_of_this_machine(
    fresh: AuthorizationServer, holder: Person, back: str
) -> None:
    answer = holder.submit(holder.open(f"{url(fresh)}&back={back}"), fields("ada"))
    assert "Administrator created" in answer.text
    assert back not in answer.text

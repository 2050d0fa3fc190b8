"""The page on which a person enters another e-mail address, and where an administrator confirms it (ID-7)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from auth_service.users.repository import User
from tests.auth_service.console import AtTheConsole
from tests.auth_service.service import AuthorizationServer, nobodys
from tests.flow import Person

pytestmark = pytest.mark.requirement("ID-7")

PASSWORD = "a password"


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    person = server.add_user(nobodys("mover"), PASSWORD)
    person.log_in(person.open(f"{server.origin}/login"))
    yield person
    person.close()


@pytest.fixture
def administrator(server: AuthorizationServer) -> Iterator[AtTheConsole]:
    person = Person(trust_env=False)
    yield AtTheConsole(server, person)
    person.close()


def user_of(server: AuthorizationServer, person: Person) -> User:
    async def found(user: User) -> User:
        return user

    return server.with_account(person.username, lambda _, user: found(user))


def test_the_password_is_required_and_an_administrator_confirms(
    server: AuthorizationServer, person: Person, administrator: AtTheConsole
) -> None:
    address = f"{person.username.lower()}@corp.example"
    page = person.open(f"{server.origin}/email")
    assert "no confirmed address" in page.text
    refused = person.submit(page, {"email": address, "password": "wrong"})
    assert refused.status_code == 401
    assert user_of(server, person).unproven_email is None
    refused = person.submit(page, {"email": "nobody", "password": PASSWORD})
    assert refused.status_code == 400
    saved = person.submit(page, {"email": address, "password": PASSWORD})
    assert f"{address}</bdi> is not confirmed yet" in saved.text
    assert user_of(server, person).email is None
    assert "An unproven e-mail address was entered" in person.open(f"{server.origin}/account").text

    details = administrator.open(f"person?name={person.username}")
    other = person.submit(saved, {"email": f"x{address}", "password": PASSWORD})
    assert f"x{address}" in other.text
    late = administrator.press(details, "confirm-email")
    assert late.status_code == 400
    assert user_of(server, person).email is None
    done = administrator.press(administrator.open(f"person?name={person.username}"), "confirm-email")
    assert f"x{address}" in done.text
    user = user_of(server, person)
    assert (user.email, user.unproven_email) == (f"x{address}", None)


def test_a_form_of_somebody_else_changes_nothing(server: AuthorizationServer, person: Person) -> None:
    forged = person.browser.post(
        f"{server.origin}/email", data={"csrf": "x", "email": "a@b.example", "password": PASSWORD}
    )
    assert forged.status_code == 400
    assert user_of(server, person).unproven_email is None

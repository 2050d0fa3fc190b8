"""An administrator lists and disconnects the accounts of a person, in the console and by the API (GW-1)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.auth_service.administrator import AdminApiClient
from tests.auth_service.connected_accounts.connecting import Connecting
from tests.auth_service.connected_accounts.upstream import TICKETS
from tests.auth_service.console import AtTheConsole
from tests.auth_service.service import RESOURCE, AuthorizationServer
from tests.flow import Person
from tests.stores import ON_ONE_STORE

pytestmark = pytest.mark.requirement("GW-1", "ID-8")

DISCONNECTED = "account at a provider disconnected"


@pytest.fixture
def console(server: AuthorizationServer) -> Iterator[AtTheConsole]:
    person = Person(trust_env=False)
    yield AtTheConsole(server, person)
    person.close()


@ON_ONE_STORE
def test_the_api_lists_accounts_without_credentials_and_disconnects_one(
    server: AuthorizationServer, connecting: Connecting
) -> None:
    connecting.connected()
    Connecting(server, connecting.upstream, connecting.person, TICKETS).enter("a-key-of-tickets")
    api = AdminApiClient.of_administrator(server)
    path = f"/people/{connecting.subject}/provider-accounts"
    listed = api.get(path)["provider_accounts"]
    assert {(each["provider"], each["resource"], each["api_key"]) for each in listed} == {
        ("Upstream", RESOURCE, False),
        ("Tickets", TICKETS, True),
    }
    assert not any(token in repr(listed) for token in (*connecting.upstream.tokens, "a-key-of-tickets"))
    wanted = next(each["account_id"] for each in listed if each["resource"] == RESOURCE)
    assert api.send("DELETE", f"{path}/{wanted}").status_code == 204
    assert api.send("DELETE", f"{path}/{wanted}").status_code == 404
    assert connecting.ask()["status"] == "not_connected"
    assert [each["resource"] for each in api.get(path)["provider_accounts"]] == [TICKETS]
    assert connecting.journaled(DISCONNECTED) == 2, "by the administrator, and of the account"


@ON_ONE_STORE
def test_the_page_of_a_person_lists_and_disconnects_it(connecting: Connecting, console: AtTheConsole) -> None:
    connecting.connected()
    url = f"person?name={connecting.person.username}"
    page = console.open(url)
    assert "<strong>Upstream</strong> for <bdi>Notes</bdi>" in page.text
    console.press(page, "disconnect-account")
    assert "<strong>Upstream</strong>" not in console.open(url).text
    assert connecting.ask()["status"] == "not_connected"

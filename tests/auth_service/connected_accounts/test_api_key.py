"""API keys that people enter on the page of a link: sealed, for one person and resource (GW-1, GW-2)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from auth_service.protocol.connected_account import MAX_API_KEY, is_api_key
from tests.auth_service.connected_accounts.connecting import Connecting
from tests.auth_service.connected_accounts.upstream import TICKETS, Upstream
from tests.auth_service.service import AuthorizationServer, nobodys
from tests.e2e.dump import dump
from tests.flow import asks_for_nothing
from tests.stores import ON_ONE_STORE

pytestmark = pytest.mark.requirement("GW-1", "GW-2")

KEY, OTHER_KEY = "tk_a-secret:of/ada+1=", "tk_another-secret-of-ada"
CONNECTED = "account at a provider connected"


@pytest.fixture
def entering(server: AuthorizationServer, upstream: Upstream) -> Iterator[Connecting]:
    """Somebody whom no other test has, with a client of the resource that needs API keys."""
    person = server.add_user(nobodys("ada"), "a password of ada")
    yield Connecting(server, upstream, person, TICKETS)
    person.close()


@ON_ONE_STORE
def test_the_page_names_the_service_the_client_and_where_to_get_a_key(entering: Connecting) -> None:
    page = entering.person.open(entering.ask()["connect_url"])
    for text in ("Enter an API key of Tickets", "An agent", TICKETS, 'href="https://tickets.example/keys"'):
        assert text in page.text
    assert entering.ask()["provider"] == "Tickets"


def test_a_key_is_given_to_the_resource_server_and_is_nowhere_else(
    entering: Connecting, capfd: pytest.CaptureFixture[str]
) -> None:
    page = entering.enter(f" {KEY}\n")
    assert (page.status_code, "Tickets is connected" in page.text) == (200, True)
    answer = entering.ask()
    assert answer.pop("version")
    assert answer == {"resource": entering.resource, "status": "connected", "api_key": KEY}
    stored = repr(dump(entering.server.store_url))
    assert f"connected-account:{entering.subject}" in stored
    assert KEY not in stored
    assert entering.journaled(CONNECTED) == 1
    assert KEY not in "".join(capfd.readouterr())
    assert KEY not in page.text + entering.person.open(f"{entering.server.origin}/account").text


def test_the_same_key_twice_changes_nothing_and_another_one_replaces_it(entering: Connecting) -> None:
    form = entering.person.open(entering.ask()["connect_url"])
    entering.person.submit(form, {"api_key": KEY})
    version = entering.ask()["version"]
    assert entering.person.submit(form, {"api_key": KEY}).status_code == 200
    assert entering.ask()["version"] == version
    assert entering.journaled(CONNECTED) == 1
    assert entering.person.submit(form, {"api_key": OTHER_KEY}).status_code == 200
    assert entering.ask()["api_key"] == OTHER_KEY
    assert entering.journaled(CONNECTED) == 2


@pytest.mark.parametrize(
    "api_key", ["", "two words", "a\r\nX-Header: b", "schlüssel", "\x7f", "x" * (MAX_API_KEY + 1)]
)
def test_a_key_is_text_for_a_header(api_key: str) -> None:
    assert not is_api_key(api_key)
    assert is_api_key("x" * MAX_API_KEY)
    assert is_api_key(KEY)


@ON_ONE_STORE
def test_an_invalid_key_is_refused_and_not_shown_again(
    entering: Connecting, capfd: pytest.CaptureFixture[str]
) -> None:
    page = entering.enter(f"{KEY} {KEY}")
    assert page.status_code == 400
    assert "Nothing was stored." in page.text
    assert KEY not in page.text + "".join(capfd.readouterr())
    assert entering.stored() == []
    assert entering.enter("x" * MAX_API_KEY).status_code == 200


@ON_ONE_STORE
def test_nobody_else_enters_a_key(entering: Connecting) -> None:
    url = entering.ask()["connect_url"]
    form = entering.person.open(url)
    other = entering.server.add_user(nobodys("bob"), "a password of bob")
    other.log_in(other.open(f"{entering.server.origin}/login"))
    page = other.open(url)
    assert (page.status_code, asks_for_nothing(page.text)) == (403, True)
    assert other.submit(form, {"api_key": KEY}).status_code == 400
    assert entering.stored() == []
    other.close()


def test_a_key_is_listed_and_removed_and_no_provider_is_called(entering: Connecting) -> None:
    entering.enter(KEY)
    assert "Tickets" in entering.person.open(f"{entering.server.origin}/account").text
    assert "The account is disconnected." in entering.disconnect().text
    assert entering.ask()["status"] == "not_connected"
    assert entering.journaled("account at a provider disconnected") == 1
    assert entering.journaled("tokens not revoked at a provider") == 0
    assert not [entry.key for entry in dump(entering.server.store_url) if "ended-tokens" in entry.key]


@ON_ONE_STORE
def test_a_key_that_the_upstream_rejects_ends_after_a_minute(entering: Connecting) -> None:
    entering.enter(KEY)
    version = entering.ask()["version"]
    assert entering.ask(rejected=version)["api_key"] == KEY
    entering.server.clock.advance(61)
    assert entering.ask(rejected=version)["status"] == "not_connected"

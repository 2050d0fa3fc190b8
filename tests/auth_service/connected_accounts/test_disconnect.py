"""A person disconnects an account: at the resource server, at the provider, in the journal (GW-1)."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from auth_service.connected_accounts.disconnections import DisconnectionList, DisconnectionRecord
from auth_service.connected_accounts.links import ConnectLinks
from auth_service.storage import keys
from shared.disconnections import MAX_DISCONNECTIONS
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec
from tests.auth_service.connected_accounts.connecting import Connecting
from tests.auth_service.connected_accounts.upstream import Upstream
from tests.auth_service.service import (
    OTHER_RESOURCE_SECRET,
    RESOURCE,
    RESOURCE_SECRET,
    AuthorizationServer,
    nobodys,
)
from tests.flow import Person
from tests.servers import wait_until

pytestmark = pytest.mark.requirement("GW-1")


def announced(server: AuthorizationServer, name: str = "resource", secret: str = RESOURCE_SECRET) -> Any:
    """The member of the revocation feed."""
    response = server.http.post(
        f"{server.origin}/revocations",
        json={"ack": [], "returnImmediately": True},
        auth=httpx2.BasicAuth(name, secret),
    )
    assert response.status_code == 200, response.text
    return response.json()["doorward_disconnected"]


def test_the_account_page_lists_and_disconnects_it(connecting: Connecting) -> None:
    version = connecting.connected()["version"]
    page = connecting.person.open(f"{connecting.server.origin}/account").text
    assert "<strong>Upstream</strong> for <bdi>Notes</bdi>" in page
    data = connecting.person.open(f"{connecting.server.origin}/own-data").json()["provider_accounts"]
    assert [(each["provider"], each["resource"]) for each in data] == [("Upstream", RESOURCE)]
    assert "The account is disconnected." in connecting.disconnect().text
    assert connecting.ask()["status"] == "not_connected"
    entry = {"sub": connecting.subject, "resource": RESOURCE, "version": version}
    assert entry in announced(connecting.server)
    assert entry not in announced(connecting.server, "other", OTHER_RESOURCE_SECRET)
    connecting.server.clock.advance(121)
    assert entry not in announced(connecting.server)


def revoked(upstream: Upstream) -> list[str]:
    """The tokens of this test that the provider was asked to revoke, in order."""
    tokens = [form["token"] for path, form in upstream.requests if path == "/revoke"]
    return [token for token in tokens if token in upstream.tokens]


def test_a_provider_that_is_down_keeps_nobody_from_disconnecting(connecting: Connecting) -> None:
    connecting.connected()
    connecting.upstream.answers["/revoke"] = (503, {})
    assert connecting.disconnect().status_code == 200
    assert connecting.ask()["status"] == "not_connected"


def test_the_deletion_of_the_persons_account_revokes_at_the_provider(connecting: Connecting) -> None:
    connecting.connected()
    connecting.server.delete_user(connecting.person.username)
    wait_until(lambda: revoked(connecting.upstream) == [connecting.upstream.tokens[1]])


def test_a_new_connection_ends_the_earlier_one_here_and_at_the_provider(connecting: Connecting) -> None:
    first = connecting.connected()["version"]
    connecting.server.clock.advance(61)
    other = Connecting(connecting.server, connecting.upstream, connecting.person)
    links, subject = functools.partial(ConnectLinks, clock=connecting.server.clock), connecting.subject
    link = connecting.server.with_store(
        lambda store: links(store).link_for(subject, RESOURCE, other.client.client_id)
    )
    page = connecting.person.open(f"{connecting.server.origin}/connect/{link.link_id}")
    left = connecting.person.submit(page, {})
    assert connecting.person.open(connecting.upstream.approve(left.headers["location"])).status_code == 200
    assert connecting.ask()["version"] != first
    assert first in {entry["version"] for entry in announced(connecting.server)}
    wait_until(lambda: revoked(connecting.upstream) == [connecting.upstream.tokens[1]])


def test_more_than_a_response_names_are_announced_as_null(connecting: Connecting) -> None:
    now = int(connecting.server.clock())
    records = [
        DisconnectionRecord(subject="s", resource=RESOURCE, version=str(number), at=now)
        for number in range(MAX_DISCONNECTIONS)
    ]

    async def fill(store: Store) -> None:
        key = keys.disconnections()
        await store.delete(key)
        codec = JsonCodec(DisconnectionList)
        assert await store.create(key, codec.encode(DisconnectionList(tuple(records))), ttl_s=120)

    connecting.connected()
    connecting.server.with_store(fill)
    assert len(announced(connecting.server)) == MAX_DISCONNECTIONS
    connecting.disconnect()
    assert announced(connecting.server) is None
    connecting.server.clock.advance(121)
    assert announced(connecting.server) == []


@pytest.fixture
def other(server: AuthorizationServer) -> Iterator[Person]:
    """Somebody else, who is logged in."""
    person = server.add_user(nobodys("bob"), "a password of bob")
    person.log_in(person.open(f"{server.origin}/login"))
    yield person
    person.close()


def test_the_journal_has_each_step_and_a_refused_person_once(connecting: Connecting, other: Person) -> None:
    url = connecting.ask()["connect_url"]
    for _ in range(3):
        assert other.open(url).status_code == 403
    connecting.connected()
    connecting.disconnect()
    wait_until(lambda: revoked(connecting.upstream) == [connecting.upstream.tokens[1]])
    connecting.connected()
    connecting.upstream.current.clear()
    connecting.server.clock.advance(3_601)
    connecting.token = connecting.new_token()
    assert connecting.ask()["status"] == "not_connected"
    expected = {
        "link of another person refused": 1,
        "account at a provider connected": 2,
        "account at a provider disconnected": 1,
        "account at a provider ended by the provider": 1,
        "tokens revoked at a provider": 1,
    }

    wait_until(lambda: {action: connecting.journaled(action) for action in expected} == expected)

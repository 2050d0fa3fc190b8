"""The complete life of a connection, as each client that is known lives it (table CL of the requirements)."""

from __future__ import annotations

import pytest

from tests.flow import disconnect_links
from tests.profiles.client import Client
from tests.profiles.deployment import EACH, Deployment
from tests.profiles.mcp import result_of
from tests.profiles.profile import Way
from tests.servers import wait_until

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("profiles")]


@pytest.mark.requirement(
    "AS-4", "AS-5", "AS-8", "AS-10", "AS-11", "AS-13", "AS-14", "AS-16", "AS-21", "AS-22"
)
@pytest.mark.requirement("RS-1", "RS-2", "RS-6", "RS-10")
@pytest.mark.parametrize(("name", "way"), EACH)
def test_it_connects_the_first_time_and_stays_connected_until_it_is_revoked(
    name: str, way: Way, deployment: Deployment
) -> None:
    with deployment.client(name, way) as first:
        first.connect()
        first.make_sure()
        uses_the_tools(first)
        refreshes(first)
        is_in(first)
    with deployment.client(name, way, first.kept) as second:
        second.discover()
        if second.profile.refreshing.at_start:
            refreshes(second)
        is_in(second)
        disconnect(second, deployment)
        is_out(second)


@pytest.mark.requirement("RS-1", "AS-14")
@pytest.mark.parametrize(("name", "way"), EACH)
def test_it_connects_when_the_user_pastes_the_url_with_a_slash(
    name: str, way: Way, deployment: Deployment
) -> None:
    with deployment.client(name, way, slash="/") as client:
        client.connect()
        client.make_sure()
        is_in(client)
        refreshes(client)
        is_in(client)


def is_in(client: Client) -> None:
    identity = result_of(client.call("whoami"))
    assert identity["username"] == "wesen"
    assert identity["client_id"] == client.kept.information["client_id"]
    assert {"notes:read", "notes:write"} <= set(identity["scopes"])


def uses_the_tools(client: Client) -> None:
    is_in(client)
    added = result_of(client.call("add_note", text=f"by {client.profile.name}"))
    assert added in result_of(client.call("list_notes"))["notes"]


def refreshes(client: Client) -> None:
    before = client.kept.tokens
    answers = client.refresh()
    assert {answer.status_code for answer in answers} == {200}, answers[0].text
    assert len({answer.content for answer in answers}) == 1
    assert client.kept.tokens["refresh_token"] != before["refresh_token"]
    assert client.kept.tokens["access_token"] != before["access_token"]
    assert client.kept.tokens["scope"] == before["scope"]


def disconnect(client: Client, deployment: Deployment) -> None:
    """As the users of this client do it: in the client, which revokes, or at the authorization server."""
    if client.profile.ending.revokes:
        assert client.revoke().status_code == 200
        return
    page = client.person.open(f"{deployment.server.issuer}/account")
    assert "Disconnect" in page.text
    while disconnect_links(page.text):
        page = client.person.submit(client.person.open_disconnect(deployment.server.issuer), {})


def is_out(client: Client) -> None:
    wait_until(lambda: client.call("whoami").status_code == 401)
    refused = client.call("whoami")
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    for answer in client.refresh():
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")

"""Accounts for the mounts of a joined resource: those of their own resources (GW-1, GW-3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx2
import pytest

from auth_service.settings import AuthSettings
from tests.auth_service.connected_accounts.connecting import Connecting
from tests.auth_service.connected_accounts.upstream import TICKETS, Upstream
from tests.auth_service.service import (
    OTHER_RESOURCE,
    OTHER_RESOURCE_SECRET,
    OTHER_RESOURCE_SERVER,
    RESOURCE_SECRET,
    RESOURCE_SERVER,
    USUAL,
    AuthorizationServer,
    nobodys,
    running,
)
from tests.stores import ON_ONE_STORE

pytestmark = pytest.mark.requirement("GW-1", "GW-2", "GW-3")

JOINED, ISSUES, PLAIN = "https://mcp.example/all", "https://mcp.example/issues", "https://mcp.example/plain"
SCOPE = "issues issues:read tickets plain foreign"
OTHER_SERVER = {
    **OTHER_RESOURCE_SERVER,
    "resources": [
        {"resource": OTHER_RESOURCE, "name": "Other", "upstream_api_key": {"name": "Other"}},
    ],
}


def resources(upstream: Upstream) -> list[dict[str, Any]]:
    """One that joins mounts: with accounts at a provider, with API keys, with neither, of another gateway."""
    scopes = {"issues": "Issues", "issues:read": "Read", "tickets": "Tickets", "plain": "Plain"}
    joins = {"issues": ISSUES, "tickets": f"{TICKETS}/", "plain": PLAIN, "foreign": OTHER_RESOURCE}
    return [
        {"resource": JOINED, "name": "All tools", "joins": joins, "scopes": scopes | {"foreign": "Other"}},
        {"resource": ISSUES, "name": "Issues", "upstream_oauth": upstream.settings()},
        {"resource": TICKETS, "name": "Tickets", "upstream_api_key": {"name": "Tracker"}},
        {"resource": PLAIN, "name": "Plain"},
    ]


@pytest.fixture(scope="module")
def store_url(new_store: Callable[[], str]) -> str:
    return new_store()


@pytest.fixture(scope="module")
def shared_server(store_url: str, shared_upstream: Upstream) -> Iterator[AuthorizationServer]:
    servers = [{**RESOURCE_SERVER, "resources": resources(shared_upstream)}, OTHER_SERVER]
    with running(store_url, resource_servers=servers, fetch_loopback=True) as server:
        yield server


@dataclass
class AtTheJoined(Connecting):
    """Somebody who uses a client at the joined resource."""

    resource: str = JOINED
    mount: str = ISSUES

    def new_token(self, scope: str = SCOPE) -> str:
        tokens = self.client.connect(self.person, resource=self.resource, scope=scope)
        return str(tokens["access_token"])

    def response(self, token: str | None = None, **form: str) -> httpx2.Response:
        return super().response(token, **{"resource": self.mount, **form})


@pytest.fixture
def joined(server: AuthorizationServer, upstream: Upstream) -> Iterator[AtTheJoined]:
    person = server.add_user(nobodys("ada"), "a password of ada")
    yield AtTheJoined(server, upstream, person)
    person.close()


def refusal(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


def test_one_account_serves_the_mount_at_its_own_url_and_at_the_joined_one(joined: AtTheJoined) -> None:
    alone = Connecting(joined.server, joined.upstream, joined.person, ISSUES)
    assert alone.ask()["status"] == "not_connected"
    version = joined.connected()["version"]
    assert alone.ask()["version"] == version
    assert joined.ask(resource=f"{ISSUES}/")["version"] == version, "the same URL in another spelling"
    joined.mount = TICKETS
    assert joined.ask()["status"] == "not_connected", "an account is of one mount"
    joined.enter("a-key")
    assert joined.ask()["api_key"] == "a-key"
    assert Connecting(joined.server, joined.upstream, joined.person, TICKETS).ask()["api_key"] == "a-key"
    assert alone.ask()["version"] == version


def test_an_answer_names_the_resource_of_the_account(joined: AtTheJoined) -> None:
    alone = Connecting(joined.server, joined.upstream, joined.person, ISSUES)
    assert joined.ask()["resource"] == ISSUES, "a link"
    assert joined.ask(resource=TICKETS)["resource"] == TICKETS
    assert joined.connected()["resource"] == ISSUES
    assert joined.ask(resource=f"{ISSUES}/")["resource"] == ISSUES
    assert alone.ask()["resource"] == ISSUES


def test_the_end_of_one_account_leaves_those_of_the_other_mounts(joined: AtTheJoined) -> None:
    joined.connected()
    joined.mount = TICKETS
    joined.enter("a-key")
    page = joined.person.open(f"{joined.server.origin}/account").text
    assert "<strong>Upstream</strong> for <bdi>Issues</bdi>" in page
    assert "<strong>Tracker</strong> for <bdi>Tickets</bdi>" in page
    assert page.count("also used through <bdi>All tools</bdi>") == 2
    links = map(unescape, re.findall(r'href="(account\?action=disconnect_account&amp;[^"]+)"', page))
    (link,) = [link for link in links if "issues" in link]
    joined.person.submit(joined.person.open(f"{joined.server.origin}/{link}"), {})
    assert joined.ask()["status"] == "connected"
    assert joined.ask(resource=ISSUES)["status"] == "not_connected"


def test_the_page_of_the_link_names_the_mount_and_what_joins_it(joined: AtTheJoined) -> None:
    text = joined.person.open(joined.ask()["connect_url"]).text
    assert "through <strong>Issues</strong>" in text
    assert "also through <bdi>All tools</bdi>" in text


def test_an_account_is_of_its_person_alone(joined: AtTheJoined, server: AuthorizationServer) -> None:
    joined.connected()
    person = server.add_user(nobodys("bob"), "a password of bob")
    other = AtTheJoined(server, joined.upstream, person)
    assert other.ask()["status"] == "not_connected"
    assert joined.person.open(other.ask()["connect_url"]).status_code == 403
    assert other.ask()["status"] == "not_connected"
    person.close()


def test_a_token_that_is_not_about_a_mount_gets_nothing_of_it(joined: AtTheJoined) -> None:
    joined.connected()
    of_others = joined.new_token("tickets plain")
    assert refusal(joined.response(of_others)) == (400, "invalid_token")
    assert joined.response(of_others, resource=TICKETS).json()["status"] == "not_connected"
    page = joined.person.open(f"{joined.server.origin}/account").text
    links = map(unescape, re.findall(r'href="(account\?action=disconnect_mount&amp;[^"]+)"', page))
    grant_id = joined.server.introspect(joined.token)["grant_id"]
    (link,) = [link for link in links if grant_id in link and link.endswith("=issues")]
    joined.person.submit(joined.person.open(f"{joined.server.origin}/{link}"), {})
    assert refusal(joined.response()) == (400, "invalid_token")
    assert joined.response(resource=TICKETS).status_code == 200
    assert joined.response(joined.new_token()).json()["status"] == "connected"


def test_a_token_with_fewer_scopes_than_its_grant_gets_no_account_of_the_other_mounts(
    joined: AtTheJoined,
) -> None:
    joined.connected()
    joined.enter("a-key", joined.ask(resource=TICKETS)["connect_url"])
    tokens = joined.client.connect(joined.person, resource=JOINED, scope=SCOPE)
    narrowed = joined.client.refresh(tokens["refresh_token"], scope="tickets plain").json()
    assert narrowed["scope"] == "tickets plain"
    assert refusal(joined.response(narrowed["access_token"])) == (400, "invalid_token")
    assert joined.response(narrowed["access_token"], resource=TICKETS).json()["api_key"] == "a-key"
    whole = joined.client.refresh(narrowed["refresh_token"]).json()
    assert joined.response(whole["access_token"]).json()["status"] == "connected"


@ON_ONE_STORE
@pytest.mark.parametrize(
    "named", [JOINED, PLAIN, OTHER_RESOURCE, "https://mcp.example/unknown", "nonsense", "http://[", " "]
)
def test_what_has_no_account_is_not_configured(named: str, joined: AtTheJoined) -> None:
    assert refusal(joined.response(resource=named)) == (404, "not_configured")


@ON_ONE_STORE
def test_a_token_of_one_mount_gets_no_account_of_another(joined: AtTheJoined) -> None:
    joined.connected()
    alone = Connecting(joined.server, joined.upstream, joined.person, TICKETS)
    assert refusal(alone.response(resource=ISSUES)) == (404, "not_configured")
    other = joined.server.http.post(
        f"{joined.server.origin}/connected-account",
        data={"token": joined.token, "resource": ISSUES},
        auth=httpx2.BasicAuth("other", OTHER_RESOURCE_SECRET),
    )
    assert refusal(other) == (400, "invalid_token")


def test_an_account_of_a_mount_that_was_removed_can_be_disconnected(
    joined: AtTheJoined, store_url: str
) -> None:
    joined.connected()
    rest = [each for each in resources(joined.upstream) if each["resource"] != ISSUES]
    rest[0]["joins"].pop("issues")
    rest[0]["scopes"] = {"tickets": "Tickets", "plain": "Plain", "foreign": "Other"}
    servers = [{**RESOURCE_SERVER, "resources": rest}, OTHER_SERVER]
    with running(
        store_url, clock=joined.server.clock, resource_servers=servers, fetch_loopback=True
    ) as later:
        response = later.http.post(
            f"{later.origin}/connected-account",
            data={"token": joined.token, "resource": ISSUES},
            auth=httpx2.BasicAuth("resource", RESOURCE_SECRET),
        )
        assert refusal(response) == (404, "not_configured")
        person = joined.person
        person.log_in(person.open(f"{later.origin}/login"))
        page = person.open(f"{later.origin}/account").text
        assert f"<strong>Upstream</strong> for <bdi>{ISSUES}</bdi>" in page
        assert "also used through" not in page
        (link,) = re.findall(r'href="(account\?action=disconnect_account&amp;[^"]+)"', page)
        person.submit(person.open(f"{later.origin}/{unescape(link)}"), {})
        assert "<strong>Upstream</strong>" not in person.open(f"{later.origin}/account").text
    assert joined.ask()["status"] == "not_connected"


@pytest.mark.parametrize("own", ["upstream_oauth", "upstream_api_key"])
def test_an_account_is_connected_for_a_mount_and_not_for_what_joins_it(own: str) -> None:
    provider = Upstream("https://provider.example").settings()
    listed = resources(Upstream("https://provider.example"))
    listed[0][own] = provider if own == "upstream_oauth" else {"name": "Tracker"}
    servers = [{**RESOURCE_SERVER, "resources": listed}, OTHER_SERVER]
    with pytest.raises(ValueError, match="people connect accounts for its mounts"):
        AuthSettings(
            **{"issuer": "https://a.example", "store": "sqlite:///d.db", **USUAL, "resource_servers": servers}
        )

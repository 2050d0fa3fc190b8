"""One mount of a joined resource is disconnected on the account page, and the others stay (GW-3)."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2
import pytest

from tests.auth_service.access.joined import JOINED, NOTES, RESOURCES, SERVERS
from tests.auth_service.journal.events import events_of
from tests.auth_service.service import AuthorizationServer, machine, nobodys, running
from tests.flow import Client, Person, Pkce, forms_of
from tests.stores import ON_ONE_STORE

pytestmark = pytest.mark.requirement("GW-3", "ID-7")

SCOPE = "notes notes:read files files:read offline_access"
OF_FILES = "files files:read offline_access"
CALLBACK = "https://client.example/cb"


@pytest.fixture(scope="module")
def shared_server(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    with running(new_store(), resource_servers=SERVERS) as server:
        yield server


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    person = server.add_user(nobodys("user"), "password")
    person.log_in(person.open(f"{server.origin}/login"))
    yield person
    person.close()


def connected(server: AuthorizationServer, person: Person) -> tuple[Client, dict[str, Any], str]:
    """A client with a web site, its tokens for everything, and the id of the grant."""
    client = server.register(redirect_uris=[CALLBACK])
    tokens = client.connect(person, resource=JOINED, scope=SCOPE)
    return client, tokens, server.introspect(tokens["access_token"])["grant_id"]


def links(server: AuthorizationServer, person: Person) -> list[str]:
    """The links of the account page that disconnect one mount each."""
    page = person.open(f"{server.origin}/account").text
    return [
        unescape(link) for link in re.findall(r'href="(account\?action=disconnect_mount&amp;[^"]+)"', page)
    ]


def confirmation(server: AuthorizationServer, person: Person, grant_id: str, mount: str) -> httpx2.Response:
    return person.open(f"{server.origin}/account?action=disconnect_mount&grant_id={grant_id}&mount={mount}")


def disconnect(server: AuthorizationServer, person: Person, grant_id: str, mount: str) -> httpx2.Response:
    return person.submit(confirmation(server, person, grant_id, mount), {})


def silently(person: Person, client: Client, scope: str) -> str | None:
    """The error of a request that may show no page; None where it was granted."""
    url = client.authorization_url(Pkce(), resource=JOINED, scope=scope, prompt="none")
    return dict(parse_qsl(urlsplit(person.open(url).headers["location"]).query)).get("error")


def test_one_mount_ends_at_once_and_the_others_stay(server: AuthorizationServer, person: Person) -> None:
    client, tokens, grant_id = connected(server, person)
    assert [link.rpartition("=")[2] for link in links(server, person)] == ["notes", "files"]
    page = person.open(f"{server.origin}/{links(server, person)[0]}")
    assert "A test client → Notes" in page.text
    assert "keeps the rest" in page.text
    after = person.submit(page, {})
    assert "no longer has access to that part" in after.text
    assert "At Files:" in after.text
    assert "At Notes:" not in after.text
    assert server.introspect(tokens["access_token"])["scope"] == OF_FILES
    refreshed = client.refresh(tokens["refresh_token"]).json()
    assert refreshed["scope"] == OF_FILES
    assert server.introspect(refreshed["access_token"])["scope"] == OF_FILES
    assert client.refresh(refreshed["refresh_token"], scope="notes").json()["error"] == "invalid_scope"
    again = person.submit(page, {})
    assert "no longer has access to that part" in again.text, "pressed twice"
    assert server.is_active(refreshed["access_token"])
    (event,) = events_of(server, grant=grant_id, kind="grant.narrowed")
    assert (event["scopes"], event["removed"]) == (OF_FILES.split(), ["notes", "notes:read"])
    assert (event["client"], event["resource"]) == (client.client_id, JOINED)


def test_the_next_authorization_asks_about_that_mount_and_no_other(
    server: AuthorizationServer, person: Person
) -> None:
    client, _, grant_id = connected(server, person)
    assert silently(person, client, SCOPE) is None
    disconnect(server, person, grant_id, "notes")
    assert [silently(person, client, scope) for scope in (SCOPE, "notes:read", OF_FILES)] == [
        *("consent_required", "consent_required"),
        None,
    ]
    client.connect(person, resource=JOINED, scope=SCOPE)
    assert silently(person, client, SCOPE) is None


def test_a_grant_ends_with_its_last_mount(server: AuthorizationServer, person: Person) -> None:
    _, tokens, grant_id = connected(server, person)
    disconnect(server, person, grant_id, "files")
    page = confirmation(server, person, grant_id, "notes")
    assert "keeps the rest" not in page.text
    person.submit(page, {})
    assert not server.is_active(tokens["access_token"])
    (event,) = events_of(server, grant=grant_id, kind="grant.revoked")
    assert event["reason"] == "the user disconnected the client"
    assert "No connected applications" in person.open(f"{server.origin}/account").text


@ON_ONE_STORE
def test_the_confirmation_does_not_count_a_mount_that_is_joined_no_longer(
    new_store: Callable[[], str],
) -> None:
    store = new_store()
    with running(store, resource_servers=SERVERS) as before:
        tokens = before.connect(before.register(), resource=JOINED, scope=SCOPE)
        grant_id = before.introspect(tokens["access_token"])["grant_id"]
    joined, *others = RESOURCES
    alone = {**joined, "joins": {"notes": NOTES}, "scopes": {"notes": "Notes", "notes:read": "Read"}}
    with running(store, resource_servers=[{**SERVERS[0], "resources": [alone, *others]}]) as after:
        person = Person(trust_env=False)
        person.log_in(person.open(f"{after.origin}/login"))
        assert confirmation(after, person, grant_id, "files").url.query == b""
        page = confirmation(after, person, grant_id, "notes")
        assert "loses access at once. It can ask" in page.text
        person.submit(page, {})
        assert not after.is_active(tokens["access_token"])
        person.close()


@ON_ONE_STORE
def test_only_a_mount_of_an_own_grant_can_be_disconnected(
    server: AuthorizationServer, person: Person
) -> None:
    _, tokens, grant_id = connected(server, person)
    stranger = server.add_user(nobodys("stranger"), "password")
    stranger.log_in(stranger.open(f"{server.origin}/login"))
    _, _, own = connected(server, stranger)
    own_page = confirmation(server, stranger, own, "files")
    assert confirmation(server, stranger, grant_id, "files").url.query == b""
    for changes in ({"grant_id": grant_id}, {"mount": "x"}, {"mount": "openid"}, {"mount": "notes:read"}):
        assert stranger.submit(own_page, {**changes}).status_code == 200
    assert stranger.submit(own_page, {"mount": None}).status_code == 400
    assert confirmation(server, stranger, own, "x").url.query == b""
    assert server.introspect(tokens["access_token"])["scope"] == SCOPE
    assert server.grant(own).scopes == tuple(SCOPE.split())
    stranger.close()


@pytest.mark.parametrize("mounts", [["notes"], ["files", "notes"]], ids=["one of two", "the last"])
def test_pressed_twice_at_once_or_later_it_is_recorded_once(
    mounts: list[str], server: AuthorizationServer, person: Person
) -> None:
    for _ in range(5):
        _, _, grant_id = connected(server, person)
        for mount in mounts:
            pages = [confirmation(server, person, grant_id, mount) for _ in range(2)]
            with ThreadPoolExecutor() as pool:
                at_once = [pool.submit(pressed_by_copy, person, pages[0]) for _ in range(2)]
                assert [each.result() for each in at_once] == [303, 303]
            for page in pages:
                assert "no longer has access to that part" in person.submit(page, {}).text
        kinds = ["grant.narrowed", *(["grant.revoked"] if len(mounts) == 2 else [])]
        assert [len(events_of(server, grant=grant_id, kind=kind)) for kind in kinds] == [1] * len(kinds)


def pressed_by_copy(person: Person, page: httpx2.Response) -> int:
    """The status of the answer to the form of a page, over a connection of its own."""
    form = forms_of(page.text)[0]
    with httpx2.Client(timeout=30, trust_env=False, cookies=person.browser.cookies) as browser:
        return browser.post(urljoin(str(page.url), form.action), data=form.fields).status_code


def test_no_refresh_in_parallel_brings_the_mount_back(server: AuthorizationServer, person: Person) -> None:
    client, tokens, grant_id = connected(server, person)
    page, begun, done = confirmation(server, person, grant_id, "notes"), threading.Event(), threading.Event()
    refreshed: list[tuple[bool, dict[str, Any]]] = []

    def refresh() -> None:
        latest, after = tokens["refresh_token"], False
        with machine() as http:
            own = Client(server.origin, http, client.information)
            while not after:
                after = done.is_set()
                answer = own.refresh(latest).json()
                refreshed.append((after, answer))
                latest = answer["refresh_token"]
                begun.set()

    thread = threading.Thread(target=refresh)
    thread.start()
    begun.wait(60)
    person.submit(page, {})
    done.set()
    thread.join()
    assert [answer["scope"] for after, answer in refreshed if after] == [OF_FILES]
    for _, answer in refreshed:
        assert "notes" not in server.introspect(answer["access_token"]).get("scope", "")
    assert server.grant(grant_id).scopes == tuple(OF_FILES.split())

"""Reports of calls by resource servers, and what the account page makes of them (ID-7)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from auth_service.protocol.tool_calls import DAY_S
from auth_service.storage import keys
from tests.auth_service.service import (
    OTHER_RESOURCE,
    OTHER_RESOURCE_SECRET,
    OTHER_RESOURCE_SERVER,
    RESOURCE,
    RESOURCE_SECRET,
    RESOURCE_SERVER,
    AuthorizationServer,
    nobodys,
    running,
)
from tests.flow import Person

pytestmark = pytest.mark.requirement("ID-7")

BATCH = "a-batch-of-22-letters-"


@pytest.fixture(scope="module")
def shared_server(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    with running(new_store(), resource_servers=[RESOURCE_SERVER, OTHER_RESOURCE_SERVER]) as server:
        yield server


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    person = server.add_user(nobodys("caller"), "a password")
    person.log_in(person.open(f"{server.origin}/login"))
    yield person
    person.close()


def connect(server: AuthorizationServer, person: Person, resource: str = RESOURCE) -> str:
    """The id of a new grant."""
    secret = RESOURCE_SECRET if resource == RESOURCE else OTHER_RESOURCE_SECRET
    tokens = server.register().connect(person, resource=resource)
    name = "resource" if resource == RESOURCE else "other"
    return str(server.introspect(tokens["access_token"], server=name, secret=secret)["grant_id"])


def event(grant_id: str, tool: str = "read_note", count: int = 1, **members: Any) -> dict[str, Any]:
    return {
        "type": "mcp.call",
        "time": 1,
        "grant_id": grant_id,
        "resource": RESOURCE,
        "tool": tool,
        "outcome": "allowed",
        "count": count,
        **members,
    }


def report(
    server: AuthorizationServer,
    *events: dict[str, Any],
    batch: str = BATCH,
    credentials: tuple[str, str] = ("resource", RESOURCE_SECRET),
) -> httpx2.Response:
    return server.http.post(
        f"{server.origin}/events",
        json={"batch": batch, "gap": 0, "events": list(events)},
        auth=httpx2.BasicAuth(*credentials),
    )


def account(server: AuthorizationServer, person: Person) -> str:
    return person.open(f"{server.origin}/account").text


def test_the_account_page_shows_the_calls_of_seven_days(server: AuthorizationServer, person: Person) -> None:
    grant_id = connect(server, person)
    assert "In the last 7 days" not in account(server, person)
    refused = event(grant_id, "delete_note", 3, outcome="refused")
    answer = report(server, event(grant_id, "read_note", 12), event(grant_id, "delete_note"), refused)
    assert answer.json() == {"accepted": 3}
    assert "<bdi>read_note 12, delete_note 1, refused 3</bdi>" in account(server, person)
    [own] = person.open(f"{server.origin}/own-data").json()["connections"]
    assert own["tool_calls"] == {"tools": {"read_note": 12, "delete_note": 1}, "others": 0, "refused": 3}


def test_a_batch_that_is_sent_again_counts_once_and_concurrent_ones_all_count(
    server: AuthorizationServer, person: Person
) -> None:
    grant_id = connect(server, person)
    batches = [f"{BATCH}-{number % 8}" for number in range(16)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda batch: report(server, event(grant_id), batch=batch), batches))
    assert [answer.status_code for answer in answers] == [200] * 16
    assert "<bdi>read_note 8</bdi>" in account(server, person)


def test_a_resource_server_reports_only_on_grants_for_its_own_resource(
    server: AuthorizationServer, person: Person
) -> None:
    grant_id = connect(server, person)
    other = ("other", OTHER_RESOURCE_SECRET)
    for claimed in (RESOURCE, OTHER_RESOURCE):
        forged = report(server, event(grant_id, resource=claimed), credentials=other)
        assert forged.json() == {"accepted": 0}
    # Nor does it get in the way of a batch with the same id, or under a resource that the grant is not for.
    assert report(server, event(grant_id, resource=OTHER_RESOURCE)).json() == {"accepted": 0}
    assert "In the last 7 days" not in account(server, person)
    assert report(server, event(grant_id)).json() == {"accepted": 1}
    theirs = connect(server, person, OTHER_RESOURCE)
    assert report(server, event(theirs, resource=OTHER_RESOURCE), credentials=other).json() == {"accepted": 1}
    assert account(server, person).count("In the last 7 days") == 2


def test_the_counts_end_with_the_grant(server: AuthorizationServer, person: Person) -> None:
    grant_id = connect(server, person)
    report(server, event(grant_id))

    def stored() -> bytes | None:
        return server.with_store(lambda store: store.get(keys.tool_calls(grant_id)))

    assert stored()
    question = person.open(f"{server.origin}/account?action=disconnect&grant_id={grant_id}")
    person.submit(question, {})
    assert stored() is None
    assert report(server, event(grant_id), batch=f"{BATCH}2").json() == {"accepted": 0}
    assert stored() is None


def test_calls_of_an_unknown_grant_are_ignored(server: AuthorizationServer) -> None:
    assert report(server, event("g" * 22)).json() == {"accepted": 0}


def test_only_a_resource_server_reports(server: AuthorizationServer, person: Person) -> None:
    client = server.register(token_endpoint_auth_method="client_secret_basic")
    credentials = (client.client_id, client.information["client_secret"])
    assert report(server, credentials=credentials).status_code == 403
    assert report(server, credentials=("resource", "x")).status_code == 401
    assert server.http.post(f"{server.origin}/events", json={}).status_code == 401


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b'{"batch": "x", "events": []}', "application/json"),
        (json.dumps({"batch": BATCH, "events": [{}] * 201}).encode(), "application/json"),
        (json.dumps({"batch": BATCH, "events": []}).encode(), "text/plain"),
    ],
)
def test_what_is_not_a_batch_is_refused(server: AuthorizationServer, body: bytes, content_type: str) -> None:
    answer = server.http.post(
        f"{server.origin}/events",
        content=body,
        headers={"Content-Type": content_type},
        auth=httpx2.BasicAuth("resource", RESOURCE_SECRET),
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_after_a_week_nothing_is_shown(new_store: Callable[[], str]) -> None:
    with running(new_store()) as server:
        grant_id = connect(server, server.person)
        report(server, event(grant_id))
        assert "read_note 1" in account(server, server.person)
        server.clock.advance(8 * DAY_S)
        server.person.log_in(server.person.open(f"{server.origin}/login"))
        page = account(server, server.person)
        assert "Disconnect" in page
        assert "read_note" not in page

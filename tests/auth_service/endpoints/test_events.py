"""Deliveries of resource servers: stored once, found when changed, and counted for the account page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from auth_service.journal.reader import JournalReader
from auth_service.protocol.tool_calls import DAY_S
from auth_service.storage import keys
from shared.journal.delivery import DELIVERED, may_be_delivered
from shared.journal.event import EventKind
from shared.storage.interface import Store
from tests.auth_service.reporter import NDJSON, Reporter, connect
from tests.auth_service.service import (
    OTHER_RESOURCE,
    OTHER_RESOURCE_SECRET,
    OTHER_RESOURCE_SERVER,
    RESOURCE,
    RESOURCE_SERVER,
    AuthorizationServer,
    nobodys,
    running,
)
from tests.flow import Person

pytestmark = pytest.mark.requirement("ID-7")


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


def account(server: AuthorizationServer, person: Person) -> str:
    return person.open(f"{server.origin}/account").text


def test_the_account_page_shows_the_calls_of_seven_days(server: AuthorizationServer, person: Person) -> None:
    grant_id, reporter = connect(server, person), Reporter()
    assert "In the last 7 days" not in account(server, person)
    reporter.report(server, {"grant": grant_id}, count=12)
    reporter.report(server, {"grant": grant_id, "name": "delete_note"})
    reporter.report(server, {"grant": grant_id, "name": "delete_note", "kind": "call.refused"}, count=3)
    reporter.report(server, {"grant": grant_id, "kind": "call.completed", "call": 1})
    reporter.report(server, {"grant": grant_id, "method": "prompts/get"})
    assert "<bdi>read_note 12, delete_note 1, refused 3</bdi>" in account(server, person)
    [own] = person.open(f"{server.origin}/own-data").json()["connections"]
    assert own["tool_calls"] == {"tools": {"read_note": 12, "delete_note": 1}, "others": 0, "refused": 3}


@pytest.mark.requirement("JR-2")
def test_what_is_sent_again_or_by_two_processes_at_once_is_stored_and_counted_once(
    server: AuthorizationServer, person: Person
) -> None:
    grant_id, reporter = connect(server, person), Reporter()
    writes = [reporter.write({"grant": grant_id}) for _ in range(20)]
    bodies = [reporter.body(*writes[: 1 + number % 20]) for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda body: reporter.send(server, body), bodies))
    assert {answer.status_code for answer in answers} == {200}
    assert "<bdi>read_note 20</bdi>" in account(server, person)
    entries = server.with_store(lambda store: _entries(store, reporter.chain.head.writer))
    assert entries == b"\n".join(writes).split(b"\n")


async def _entries(store: Store, chain: str) -> list[bytes]:
    return [entry async for _, entries in JournalReader(store).written(chain) for entry in entries]


def test_a_resource_server_reports_only_on_grants_for_its_own_resource(
    server: AuthorizationServer, person: Person
) -> None:
    grant_id, other = connect(server, person), Reporter("other")
    for claimed in (RESOURCE, OTHER_RESOURCE):
        other.report(server, {"grant": grant_id, "resource": claimed})
    reporter = Reporter()
    reporter.report(server, {"grant": grant_id, "resource": OTHER_RESOURCE})
    assert "In the last 7 days" not in account(server, person)
    reporter.report(server, {"grant": grant_id})
    theirs = connect(server, person, OTHER_RESOURCE)
    other.report(server, {"grant": theirs, "resource": OTHER_RESOURCE})
    assert account(server, person).count("In the last 7 days") == 2
    forged = Reporter()
    forged.name, forged.secret = "other", OTHER_RESOURCE_SECRET
    assert forged.send(server, forged.body(forged.write({}))).status_code == 400, "the chain of another one"


@pytest.mark.requirement("OP-5")
def test_a_kind_of_a_later_release_is_kept_and_one_of_this_server_is_refused(
    server: AuthorizationServer, person: Person
) -> None:
    grant_id, reporter = connect(server, person), Reporter()
    reporter.report(
        server, {"grant": grant_id}, {"kind": "tool.renamed", "to": "delete"}, {"grant": grant_id}
    )
    assert "<bdi>read_note 2</bdi>" in account(server, person)
    entries = server.with_store(lambda store: _entries(store, reporter.chain.head.writer))
    assert b'"kind":"tool.renamed"' in b"".join(entries)
    for kind in ("login", "grant.revoked", "role.changed", "tool.", "tool.Renamed", "tool.a.b", "tools.x"):
        forged = Reporter()
        answer = forged.send(server, forged.body(forged.write({"kind": kind})))
        assert answer.status_code == 400, kind


def test_no_kind_of_the_authorization_server_looks_like_one_of_a_resource_server() -> None:
    assert {kind for kind in EventKind if may_be_delivered(kind)} == DELIVERED


def test_the_counts_end_with_the_grant(server: AuthorizationServer, person: Person) -> None:
    grant_id, reporter = connect(server, person), Reporter()
    reporter.report(server, {"grant": grant_id})

    def stored() -> bytes | None:
        return server.with_store(lambda store: store.get(keys.tool_calls(grant_id)))

    assert stored()
    question = person.open(f"{server.origin}/account?action=disconnect&grant_id={grant_id}")
    person.submit(question, {})
    assert stored() is None
    reporter.report(server, {"grant": grant_id})
    assert stored() is None


def test_only_a_resource_server_reports(server: AuthorizationServer, person: Person) -> None:
    client, reporter = server.register(token_endpoint_auth_method="client_secret_basic"), Reporter()
    body = reporter.body(reporter.write({}))
    reporter.name, reporter.secret = client.client_id, client.information["client_secret"]
    assert reporter.send(server, body).status_code == 403
    reporter.name, reporter.secret = "resource", "x"
    assert reporter.send(server, body).status_code == 401
    assert server.http.post(f"{server.origin}/events", content=body).status_code == 401


HEAD = b'{"chain": "resource.a-process-of-22-letters.0"}'


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{", NDJSON),
        (b"[]", NDJSON),
        (b"[" * 20_000, NDJSON),
        (b'{"chain": "resource.short.0"}', NDJSON),
        (b'{"chain": 5}', NDJSON),
        (HEAD + b"\n\n", NDJSON),
        (HEAD + b"\n\n{}", NDJSON),
        (HEAD + b"\n\n" + b"[" * 20_000, NDJSON),
        (HEAD, "application/json"),
    ],
)
def test_what_is_not_a_delivery_is_refused(
    server: AuthorizationServer, body: bytes, content_type: str
) -> None:
    answer = Reporter().send(server, body, content_type)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.requirement("JR-3")
def test_entries_that_do_not_fit_the_chain_are_refused(server: AuthorizationServer) -> None:
    reporter = Reporter()
    first, second, third = (reporter.write({}) for _ in range(3))
    assert reporter.send(server, reporter.body(second)).json() == {"error": "conflict", "through": 0}
    assert reporter.send(server, reporter.body(first)).json()["through"] == 1
    missing = reporter.send(server, reporter.body(third))
    assert (missing.status_code, missing.json()) == (409, {"error": "conflict", "through": 1})
    for body in (
        reporter.body(first, third),
        reporter.body(first, second.replace(b"read_note", b"other"), third),
        reporter.body(reporter.write({"kind": "login"})),
        reporter.body(reporter.write({"kind": "journal.trimmed"})),
        reporter.body(reporter.write({"kind": "journal.checkpoint"})),
    ):
        assert reporter.send(server, body).status_code == 400
    reporter.time_ms = 10**15
    assert reporter.send(server, reporter.body(reporter.write({}))).status_code == 400, "far in the future"
    assert reporter.send(server, reporter.body(first, second, third)).json()["through"] == 3


def test_after_a_week_nothing_is_shown(new_store: Callable[[], str]) -> None:
    with running(new_store()) as server:
        grant_id = connect(server, server.person)
        Reporter().report(server, {"grant": grant_id})
        assert "read_note 1" in account(server, server.person)
        server.clock.advance(8 * DAY_S)
        server.person.log_in(server.person.open(f"{server.origin}/login"))
        page = account(server, server.person)
        assert "Disconnect" in page
        assert "read_note" not in page

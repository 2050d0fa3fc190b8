"""MCP sessions belong to the principal that opened them (RS-8), over HTTP and over stdio."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx2
import pytest

from resource_service.gateway.sessions import SessionOwners
from resource_service.principal import Principal
from tests.gateway.exchange import INITIALIZE, LISTEN, MESSAGE, PING, results
from tests.gateway.sessions import opened
from tests.resource_service.authorization_server import AuthorizationServer, answer
from tests.resource_service.service import Service, bearer, token_for

OTHERS: list[dict[str, object]] = [
    {"sub": "user-2"},
    {"client_id": "client-2"},
    {"sub": None},
    {"sub": None, "client_id": "user-1"},
]


@pytest.fixture(params=["plain", "plain_stdio"])
def service(request: pytest.FixtureRequest) -> Service:
    running: Service = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def caller(service: Service) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=service.origin, timeout=60, trust_env=False) as client:
        yield client


@pytest.mark.requirement("RS-8")
@pytest.mark.parametrize("other", OTHERS)
def test_a_session_is_unknown_to_anyone_but_the_principal_that_opened_it(
    other: dict[str, object], caller: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    session = opened(caller, token_for(service, issuer))
    thief = bearer(token_for(service, issuer, **other)) | session
    unknown = thief | {"Mcp-Session-Id": "f" * 32}
    answers = [
        (caller.post("/mcp", headers=headers, json=PING), caller.get("/mcp", headers=headers | LISTEN),
         caller.delete("/mcp", headers=headers))
        for headers in (thief, unknown)
    ]  # fmt: skip
    for stolen, not_there in zip(*answers, strict=True):
        assert stolen.status_code == not_there.status_code == 404
        assert _without_id(stolen) == _without_id(not_there)  # no hint that it exists
    again = bearer(token_for(service, issuer)) | session  # the same principal, after a refresh
    assert caller.post("/mcp", headers=again, json=PING).status_code == 200


def _without_id(response: httpx2.Response) -> str:
    return response.text.replace(response.headers["x-request-id"], "")


@pytest.mark.requirement("RS-8")
def test_an_ended_session_is_unknown_to_its_owner_too(
    caller: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    token = token_for(service, issuer)
    session = opened(caller, token)
    assert caller.delete("/mcp", headers=bearer(token) | session).status_code in (200, 204)
    assert caller.post("/mcp", headers=bearer(token) | session, json=PING).status_code == 404


def test_a_request_names_one_session(
    caller: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    token = token_for(service, issuer)
    first, second = opened(caller, token), opened(caller, token)
    headers = httpx2.Headers(bearer(token) | first)
    both = [*headers.raw, (b"mcp-session-id", second["Mcp-Session-Id"].encode())]
    assert caller.post("/mcp", headers=both, json=PING).status_code == 400


@pytest.mark.requirement("RS-8")
def test_an_upstream_that_gives_one_session_to_two_principals_does_not_get_away_with_it(
    client: httpx2.Client, scripted: Service, upstream: AuthorizationServer, issuer: AuthorizationServer
) -> None:
    upstream.replies["/mcp"] = results("Mcp-Session-Id: everybody-s")
    mine = bearer(token_for(scripted, issuer)) | MESSAGE
    yours = bearer(token_for(scripted, issuer, sub="user-2")) | MESSAGE
    assert client.post("/mcp", headers=mine, json=INITIALIZE).status_code == 200
    assert client.post("/mcp", headers=yours, json=INITIALIZE).status_code == 502
    named = {"Mcp-Session-Id": "everybody-s"}
    assert client.post("/mcp", headers=yours | named, json=PING).status_code == 404
    assert client.post("/mcp", headers=mine | named, json=PING).status_code == 200


@pytest.mark.requirement("RS-8")
def test_a_session_that_the_upstream_has_forgotten_is_forgotten_here(
    client: httpx2.Client, scripted: Service, upstream: AuthorizationServer, issuer: AuthorizationServer
) -> None:
    headers = bearer(token_for(scripted, issuer)) | MESSAGE
    upstream.replies["/mcp"] = results("Mcp-Session-Id: restarted")
    client.post("/mcp", headers=headers, json=INITIALIZE)
    upstream.replies["/mcp"] = answer(404, b"no such session")
    named = headers | {"Mcp-Session-Id": "restarted"}
    assert client.post("/mcp", headers=named, json=PING).text == "no such session"
    question_count = len(upstream.questions)
    assert client.post("/mcp", headers=named, json=PING).status_code == 404
    assert len(upstream.questions) == question_count


class Clock:
    """A clock that stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def principal(name: str) -> Principal:
    return Principal(client_id="c", scopes=(), issuer="i", expires_at=0, subject=name)


A, B, C = (principal(name) for name in "ABC")


@pytest.fixture
def clock() -> Clock:
    return Clock()


def owners(clock: Clock, max_sessions: int = 100) -> SessionOwners:
    return SessionOwners(idle_s=10, max_sessions=max_sessions, monotonic=clock)


def test_an_idle_session_is_forgotten_and_one_in_use_is_not(clock: Clock) -> None:
    sessions = owners(clock)
    for session_id in ("idle", "streaming", "used"):
        assert sessions.bind(session_id, A)
    with sessions.in_use("streaming"):
        clock.now = 8
        with sessions.in_use("used"):
            pass
        clock.now = 12
        owned = [session for session in ("idle", "streaming", "used") if sessions.owned(session, A)]
        assert owned == ["streaming", "used"]
    clock.now = 23
    assert not sessions.owned("used", A)
    assert len(sessions) == 0


def test_all_in_use_and_overdue_are_kept(clock: Clock) -> None:
    sessions = owners(clock)
    sessions.bind("one", A)
    sessions.bind("two", A)
    with sessions.in_use("one"), sessions.in_use("two"):
        clock.now = 1_000
        assert sessions.owned("one", A)
        assert sessions.owned("two", A)


def test_the_table_is_bounded_and_evicts_sessions_of_its_largest_user(clock: Clock) -> None:
    sessions = owners(clock, max_sessions=10)
    sessions.bind("b", B)
    for number in range(50):
        sessions.bind(f"a{number}", A)
    assert len(sessions) == 10
    assert sessions.owned("b", B)
    assert not sessions.owned("a0", A)
    assert sessions.owned("a49", A)
    sessions.bind("c", C)  # a newcomer gets a place from the one who has most
    assert sessions.owned("c", C)
    assert sessions.owned("b", B)


def test_a_session_in_use_makes_room_last(clock: Clock) -> None:
    sessions = owners(clock, max_sessions=2)
    sessions.bind("streaming", A)
    sessions.bind("idle", A)
    with sessions.in_use("streaming"):
        sessions.bind("new", A)
        assert sessions.owned("streaming", A)
        assert not sessions.owned("idle", A)


def test_a_session_keeps_its_owner(clock: Clock) -> None:
    sessions = owners(clock)
    assert sessions.bind("s", A)
    assert not sessions.bind("s", B)
    assert sessions.bind("s", A)
    sessions.forget("s")
    assert sessions.bind("s", B)


@pytest.mark.requirement("RS-16")
def test_sessions_of_a_person_count_together_whatever_clients_they_use(clock: Clock) -> None:
    sessions = owners(clock, max_sessions=6)
    crowd = [replace(A, client_id=f"client-{number}") for number in range(3)]
    for number, one in enumerate(crowd):
        sessions.bind(f"a{number}", one)
    for number in range(2):
        sessions.bind(f"b{number}", B)
    sessions.bind("c", C)
    sessions.bind("new", C)  # takes the place of one of A, who has three
    assert sessions.owned("c", C)
    assert sessions.owned("b0", B)
    assert not sessions.owned("a0", crowd[0])
    assert not sessions.owned("a1", A), "of another client of the same person"

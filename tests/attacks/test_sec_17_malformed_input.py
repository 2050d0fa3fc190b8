"""SEC-17: malformed input of every kind, to every endpoint: never a 5xx, and nothing is changed by it.

Except where a client_id became the URL of a document that cannot be fetched: nobody can tell whether there is
such a client, and that is 503 (BOUND-5).

A seeded generator bends good requests out of shape. `DOORWARD_SOAK_MALFORMED` sets how many it makes for each
store (a hundred thousand in `make soak`), `DOORWARD_SOAK_SEED` which.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from tests.attacks.admin_requests import ABSENT, GROUP
from tests.attacks.malformed import Bender, Standing
from tests.attacks.raw import request_bytes, send
from tests.auth_service.service import AuthorizationServer, running
from tests.cookies import cookie_name
from tests.e2e.dump import dump
from tests.stores import ON_ONE_STORE

pytestmark = pytest.mark.requirement("SEC-17")

PROVIDER = {
    "id": "corp",
    "issuer": "https://id.example",
    "client_id": "doorward",
    "allow": {"everyone": True},
}
REQUESTS = int(os.environ.get("DOORWARD_SOAK_MALFORMED", "1200"))
SEED = int(os.environ.get("DOORWARD_SOAK_SEED", "17"))
ACCESS_TOKEN = re.compile(r"dw_at_[A-Za-z0-9_-]{64}")
UNREACHABLE = '"reason_code":"client_document_unreachable"'
# What guests may come to have by asking: a registration, a request that waits for a login, a count of tries.
ANYBODYS = (
    *("doorward:client:", "doorward:pending:", "doorward:pushed:", "doorward:count:", "doorward:ping"),
    *("doorward:once:", "doorward:device:", "doorward:user-code:"),
    "doorward:submission:",  # ends after a minute, which the test may take
    "doorward:journal",  # only registrations, see `recorded`
)


@pytest.fixture(scope="module")
def shared_server(new_store: Callable[[], str]) -> Iterator[AuthorizationServer]:
    """With an identity provider, so that its pages are there; no request gets as far as to ask it."""
    with running(new_store(), identity_providers=[PROVIDER]) as server:
        yield server


def documents(server: AuthorizationServer) -> dict[str, tuple[bytes, ...]]:
    """Everything in the store that a stranger has no business with, or that was there before."""
    return {entry.key: entry.values for entry in dump(server.store_url) if not entry.is_index}


def recorded(documents: dict[str, tuple[bytes, ...]]) -> set[str]:
    """The kinds of the events in the journal."""
    chains = [events for key, events in documents.items() if key.startswith("doorward:journal:")]
    return {json.loads(event)["kind"] for events in chains for event in events}


@pytest.mark.long
def test_malformed_requests_are_refused_and_change_nothing(server: AuthorizationServer) -> None:
    standing = Standing.on(server)
    before = documents(server)
    bender = Bender(SEED, standing)
    statuses: set[int] = set()
    for number in range(REQUESTS):
        request = bender.request()
        answer = send(server, request)
        where = f"seed {SEED}, request {number}: {request[:2_000]!r}"
        if answer.status == 503 and UNREACHABLE in answer.body:
            server.failures.pop()
            continue
        assert answer.status < 500, f"{answer.status} to {where}\n{answer.body}"
        # A page may show what was sent: the state of a client at the logout, say.
        assert [t for t in ACCESS_TOKEN.findall(answer.body) if t.encode() not in request] == [], where
        assert f"{cookie_name(server.issuer, 'session')}=" not in answer.headers.get("set-cookie", ""), where
        assert "code=dw_ac_" not in answer.headers.get("location", ""), where
        assert server.failures == [], where
        statuses.add(answer.status)
    after = documents(server)
    mine = {key: values for key, values in before.items() if not key.startswith(ANYBODYS)}
    assert len(mine) > 4
    assert {key: after.get(key) for key in mine} == mine
    assert [key for key in after.keys() - before.keys() if not key.startswith(ANYBODYS)] == []
    assert recorded(after) - recorded(before) <= {"client.registered", "journal.checkpoint", "journal.read"}
    assert standing.still_stands(server)
    # Else the generator has bent everything so far that nothing was looked at.
    assert {200, 303, 400, 401, 404, 405} <= statuses


@pytest.mark.parametrize(
    "request_text",
    [
        b"",
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET  /token HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"get /token HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"FOO /token HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"TRACE /token HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /token?\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /register/%ff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET /register/%00 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET http://evil.example/token HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET /authorize?state=" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"POST /token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n",
        b"POST /token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"POST /token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET /token HTTP/1.1\r\nConnection: close\r\nHost: a\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /token HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 5_000 + b"Connection: close\r\n\r\n",
        b"GET /token HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n",
        b"GET /token HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n",
        b"GET /token HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"GET /jwks HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, close\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
    ],
)
@ON_ONE_STORE
def test_what_is_hardly_http_is_refused(server: AuthorizationServer, request_text: bytes) -> None:
    if not request_text.startswith((b"GET", b"POST", b"\r\n")):
        request_text += b"\r\n\r\n"
    if request_text in (b"\r\n\r\n", b"GET\r\n\r\n"):
        request_text += b"\r\n\x00\r\n\r\n"
    assert send(server, request_text).status < 500


def test_there_is_something_to_bend_for_every_endpoint(server: AuthorizationServer) -> None:
    standing = Standing.on(server)
    requests = [*standing.good_requests(), *standing.nearly_good_requests()]
    bent = {(method.lower(), urlsplit(target).path) for method, target, _, _ in requests}
    described = server.get("/openapi.json").json()["paths"]
    for path, operations in described.items():
        path = path.replace("{page}", "people").replace("{provider}", "corp").replace("{group}", GROUP)
        path = re.sub(r"\{(?!client_id)\w+\}", ABSENT, path)
        named = path.replace("{client_id}", standing.client.client_id)
        spare = path.replace("{client_id}", standing.spare.client_id)
        for method in operations:
            assert {(method, named), (method, spare)} & bent, f"{method} {path}"


def test_a_request_that_is_bent_by_nothing_is_good(server: AuthorizationServer) -> None:
    standing = Standing.on(server)
    for request in standing.good_requests():
        answer = send(server, request_bytes(*request))
        assert answer.status in (200, 201, 204, 303), (request, answer)

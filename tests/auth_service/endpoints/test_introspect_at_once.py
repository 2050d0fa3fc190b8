"""The usual introspection, over a connection that repeats its head, is never older than the store."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from auth_service.endpoints.introspect_at_once import ANSWERS, KeptAnswer, KeptAnswers
from auth_service.storage import keys
from shared.storage import Store
from tests.auth_service.access.rules import give
from tests.auth_service.service import RESOURCE, RESOURCE_SECRET, AuthorizationServer, running
from tests.e2e.volley import post
from tests.stores import NewStore

pytestmark = pytest.mark.requirement("AS-15")

INACTIVE = {"active": False}


class ResourceServer:
    """A resource server with one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        auth = httpx2.BasicAuth("resource", RESOURCE_SECRET)
        request = next(auth.auth_flow(httpx2.Request("POST", "http://x")))
        self._authorization = request.headers["authorization"]

    def look_up(self, token: str, **more: str) -> dict[str, Any]:
        self._connection.sendall(post("/introspect", {"token": token, **more}, self._authorization))
        received = b""
        while b"\r\n\r\n" not in received or not received.endswith(b"}"):
            received += self._connection.recv(65_536)
        assert received.startswith(b"HTTP/1.1 200 ")
        answer: dict[str, Any] = json.loads(received.partition(b"\r\n\r\n")[2])
        return answer


@contextmanager
def connected(server: AuthorizationServer) -> Iterator[ResourceServer]:
    port = int(server.origin.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        yield ResourceServer(connection)


def test_a_repeated_answer_is_the_one_that_another_connection_gets(server: AuthorizationServer) -> None:
    token = server.connect()["access_token"]
    with connected(server) as resource_server:
        answers = [resource_server.look_up(token) for _ in range(4)]
    assert answers == [server.introspect(token)] * 4
    assert answers[0]["active"] is True


@pytest.mark.requirement("AS-16")
def test_a_revocation_counts_for_the_next_look_up(server: AuthorizationServer) -> None:
    client = server.register()
    token = server.connect(client)["access_token"]
    with connected(server) as resource_server:
        assert [resource_server.look_up(token)["active"] for _ in range(3)] == [True] * 3
        client.revoke(token)
        assert resource_server.look_up(token) == INACTIVE


@pytest.mark.requirement("AS-16")
def test_a_revocation_counts_although_the_store_has_forgotten_it(server: AuthorizationServer) -> None:
    client = server.register()
    token = server.connect(client)["access_token"]
    with connected(server) as resource_server:
        key = keys.grant([resource_server.look_up(token) for _ in range(3)][-1]["grant_id"])
        before = server.with_store(lambda store: store.get(key))
        assert before is not None
        client.revoke(token)

        async def go_back(store: Store) -> None:
            await store.delete(key)
            await store.create(key, before, ttl_s=600)

        server.with_store(go_back)
        assert resource_server.look_up(token) == INACTIVE


def test_a_refresh_counts_for_the_next_look_up(server: AuthorizationServer) -> None:
    client = server.register()
    tokens = server.connect(client)
    with connected(server) as resource_server:
        before = [resource_server.look_up(tokens["access_token"]) for _ in range(3)][-1]
        server.clock.advance(2)
        newer = client.refresh(tokens["refresh_token"]).json()["access_token"]
        after = resource_server.look_up(newer)
        assert after["iat"] > before["iat"]
        # The time of an earlier generation is not stored.
        assert "iat" not in resource_server.look_up(tokens["access_token"])


def test_an_expired_token_is_inactive_although_it_was_looked_up_before(server: AuthorizationServer) -> None:
    token = server.connect()["access_token"]
    with connected(server) as resource_server:
        assert [resource_server.look_up(token)["active"] for _ in range(3)] == [True] * 3
        server.clock.advance(3_600)
        assert resource_server.look_up(token) == INACTIVE


def test_other_tokens_are_answered_over_the_same_connection(server: AuthorizationServer) -> None:
    one, other = (server.connect()["access_token"] for _ in range(2))
    with connected(server) as resource_server:
        for _ in range(3):
            grants = {resource_server.look_up(token)["grant_id"] for token in (one, other)}
            assert len(grants) == 2
            assert resource_server.look_up(one[:-4] + "AAAA") == INACTIVE


@pytest.mark.requirement("ID-3")
def test_new_access_rules_count_for_the_next_look_up(new_store: NewStore) -> None:
    with running(new_store()) as server:
        token = server.connect()["access_token"]
        with connected(server) as resource_server:
            assert [resource_server.look_up(token)["active"] for _ in range(3)] == [True] * 3
            give(server, resource=RESOURCE, **{"somebody-else": ["notes:read"]})
            assert resource_server.look_up(token) == INACTIVE


def test_only_so_many_answers_are_kept() -> None:
    kept, answer = KeptAnswers(), KeptAnswer(None, b"")  # type: ignore[arg-type]
    for number in range(ANSWERS + 10):
        kept.keep((number,), answer)
    assert len(kept) == ANSWERS
    assert kept.get((ANSWERS + 9,)) is answer
    assert kept.get((0,)) is None


def test_answers_are_kept_without_a_copy_of_the_access_rules_for_each() -> None:
    kept, answer = KeptAnswers(), KeptAnswer(None, b"")  # type: ignore[arg-type]
    for number in range(3):
        kept.follow(b"rules")
        kept.keep((number,), answer)
    assert len(kept) == 3
    kept.follow(b"other rules")
    assert len(kept) == 0

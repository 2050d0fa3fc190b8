"""One exchange with an endpoint of the authorization server, over a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from resource_service import authorization_server_endpoint as module
from resource_service.authorization_server_endpoint import MAX_ANSWER_BYTES, AuthorizationServerEndpoint
from shared.asgi.other_hosts import INTERNAL_AGENT
from shared.http_exchange import Answer, NoAnswerError, TooLargeError
from tests.resource_service.authorization_server import (
    AuthorizationServer,
    Question,
    Reply,
    answer,
    break_off,
    hang,
    speak_nonsense,
    trickle,
)

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-7")]

PATH = "/introspect"


@pytest.fixture
def server() -> Iterator[AuthorizationServer]:
    server = AuthorizationServer().start()
    yield server
    server.stop()


async def post(server: AuthorizationServer, *replies: Reply, timeout_s: float = 5.0) -> list[Answer]:
    """Post once for each reply, over the connections of one endpoint."""
    endpoint = AuthorizationServerEndpoint(f"{server.url}{PATH}", timeout_s=timeout_s)
    answers = []
    async with endpoint.run():
        for reply in replies:
            server.replies[PATH] = reply
            answers.append(await endpoint.post([(b"authorization", b"Basic abc")], b"token=x"))
    return answers


async def test_a_request_is_posted_and_its_answer_read(server: AuthorizationServer) -> None:
    (read,) = await post(server, answer(418, b"body", "X-Name: Value"))
    assert (read.status, read.body, read.headers["x-name"]) == (418, b"body", "Value")
    (question,) = server.requests_to(PATH)
    assert (question.method, question.target, question.body) == ("POST", PATH, b"token=x")
    sent = [question.headers[name] for name in ("host", "user-agent", "accept-encoding", "authorization")]
    assert sent == [f"127.0.0.1:{server.port}", INTERNAL_AGENT, "identity", "Basic abc"]


async def test_a_connection_that_breaks_is_tried_once_more(server: AuthorizationServer) -> None:
    async def break_off_first(question: Question, writer: asyncio.StreamWriter) -> None:
        reply = break_off if len(server.requests_to(PATH)) == 1 else answer(200, b"good")
        await reply(question, writer)

    (read,) = await post(server, break_off_first)
    assert read.body == b"good"
    server.questions.clear()
    with pytest.raises(NoAnswerError):
        await post(server, break_off)
    assert len(server.requests_to(PATH)) == 2


async def test_a_server_that_is_not_there_is_no_answer(server: AuthorizationServer) -> None:
    nowhere = AuthorizationServerEndpoint("http://127.0.0.1:1/introspect", timeout_s=5.0)
    async with nowhere.run():
        with pytest.raises(NoAnswerError):
            await nowhere.post([], b"")


@pytest.mark.parametrize("reply", [hang, trickle, speak_nonsense])
async def test_an_answer_that_does_not_end_or_begin_is_none(
    server: AuthorizationServer, reply: Reply
) -> None:
    with pytest.raises(NoAnswerError):
        await post(server, reply, timeout_s=0.2)


async def test_an_answer_has_a_limit_and_one_that_is_too_large_frees_its_connection(
    server: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_CONNECTIONS", 1)
    largest, larger = answer(200, b" " * MAX_ANSWER_BYTES), answer(200, b" " * (MAX_ANSWER_BYTES + 1))
    endpoint = AuthorizationServerEndpoint(f"{server.url}{PATH}", timeout_s=5.0)
    async with endpoint.run():
        for _ in range(2):
            server.replies[PATH] = larger
            with pytest.raises(TooLargeError):
                await endpoint.post([], b"")
        server.replies[PATH] = largest
        assert len((await endpoint.post([], b"")).body) == MAX_ANSWER_BYTES

"""Answers that are held until they are whole: room for a few, and not for as long as somebody likes."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import anyio
import httpx2
import pytest

from resource_service.errors import Refusal
from resource_service.gateway import http_reply
from resource_service.gateway.http_reply import HttpReply
from resource_service.gateway.large_answers import LargeAnswers
from resource_service.gateway.upstream import Upstream
from resource_service.principal import Principal
from resource_service.targets import HttpTarget
from tests.gateway.servers.odd_http import large

pytestmark = [pytest.mark.requirement("RS-15", "RS-16"), pytest.mark.anyio]


def principal(subject: str) -> Principal:
    return Principal(
        issuer="https://as.example", subject=subject, client_id="client", scopes=(), expires_at=2_000_000_000
    )


async def test_one_waits_for_room_and_one_person_cannot_take_it_all() -> None:
    answers = LargeAnswers(at_once=2, at_once_per_principal=1, room_within_s=5)
    async with AsyncExitStack() as held, anyio.create_task_group() as tasks:
        await held.enter_async_context(answers.room(principal("a")))
        with pytest.raises(Refusal, match="a has reached the fixed limit on large answers: 1"):
            await held.enter_async_context(answers.room(principal("a")))
        await held.enter_async_context(answers.room(principal("b")))
        entered = anyio.Event()

        async def third() -> None:
            async with answers.room(principal("c")):
                entered.set()

        tasks.start_soon(third)
        await anyio.wait_all_tasks_blocked()
        assert not entered.is_set()
        await held.aclose()
        with anyio.fail_after(5):
            await entered.wait()


async def test_room_that_does_not_come_free_in_time_is_refused_and_not_lost() -> None:
    answers = LargeAnswers(at_once=1, room_within_s=0.01)
    async with answers.room(principal("a")):
        with pytest.raises(Refusal, match="the fixed limit on large answers is reached: 1 for all users"):
            async with answers.room(principal("b")):
                pass
    async with answers.room(principal("b")):
        pass


class Dripping(httpx2.AsyncByteStream):
    """An answer that begins large, and never comes to its end."""

    async def __aiter__(self) -> Any:
        yield large(http_reply.MAX_CHECKED_BYTES + 1)
        while True:
            await anyio.sleep(0.01)
            yield b"x"


def reply_of(stream: httpx2.AsyncByteStream) -> HttpReply:
    response = httpx2.Response(200, headers={"Content-Type": "application/json"}, stream=stream)
    return HttpReply(
        upstream=Upstream(httpx2.AsyncClient(), HttpTarget("http://upstream.example/mcp")),
        response=response,
        request_ids=[7],
        max_answer_bytes=16 * 1024 * 1024,
        make_room=anyio.lowlevel.checkpoint,
    )


async def test_a_large_answer_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_reply, "WHOLE_WITHIN_S", 0.2)
    with pytest.raises(Refusal, match="upstream_silent"), anyio.fail_after(10):
        await reply_of(Dripping()).begin()


async def test_a_client_that_does_not_read_a_large_answer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_reply, "TAKEN_WITHIN_S", 0.2)
    reply = reply_of(httpx2.ByteStream(large(2_000_000) + b'"}}'))
    await reply.begin()

    async def stalled(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            await anyio.sleep_forever()

    with anyio.fail_after(10):
        await reply.pass_on(stalled)  # type: ignore[arg-type]


async def test_a_client_that_reads_a_large_answer_slowly_does_not_hold_its_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_reply, "DELIVERED_WITHIN_S", 0.3)
    reply = reply_of(httpx2.ByteStream(large(2_000_000) + b'"}}'))
    await reply.begin()
    pieces: list[bool] = []

    async def slow(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            await anyio.sleep(0.1)
            pieces.append(message["more_body"])

    await reply.pass_on(slow)  # type: ignore[arg-type]
    assert 0 < len(pieces) < 2_000_000 // http_reply.PIECE_BYTES
    assert all(pieces), "an answer that was cut off is left unfinished"

"""Answers that are held until they are whole: room for a few, and not for as long as somebody likes."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, cast

import anyio
import pytest

from resource_service.errors import Refusal
from resource_service.gateway import http_reply
from resource_service.gateway.connections import upstream_client
from resource_service.gateway.http_reply import HttpReply
from resource_service.gateway.large_answers import LargeAnswers
from resource_service.gateway.upstream import Upstream
from resource_service.principal import Principal
from resource_service.targets import HttpTarget
from shared.http1 import Fields, Response
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


class Arriving:
    """A response that arrives in chunks."""

    status = 200
    fields: Fields = [(b"content-type", b"application/json")]  # noqa: RUF012 -- as of a response

    def __init__(self, *chunks: bytes, drips: bool = False) -> None:
        self._chunks = list(chunks)
        self._drips = drips

    def header(self, name: bytes) -> str | None:
        """Return the value of a header."""
        return dict(self.fields).get(name, b"").decode() or None

    async def read(self) -> bytes:
        """Return the next chunk; if it drips, one more after any other."""
        if self._chunks:
            return self._chunks.pop(0)
        if self._drips:
            await anyio.sleep(0.01)
        return b"x" if self._drips else b""


def reply_of(response: Arriving) -> HttpReply:
    target = HttpTarget("http://upstream.example/mcp")
    client = upstream_client(target, connect_timeout_s=1, silence_s=1, max_connections=1)
    return HttpReply(
        upstream=Upstream(client, target),
        response=cast("Response", response),
        request_ids=[7],
        max_answer_bytes=16 * 1024 * 1024,
        make_room=anyio.lowlevel.checkpoint,
    )


async def test_a_large_answer_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_reply, "WHOLE_WITHIN_S", 0.2)
    with pytest.raises(Refusal, match="upstream_silent"), anyio.fail_after(10):
        await reply_of(Arriving(large(http_reply.MAX_CHECKED_BYTES + 1), drips=True)).begin()


async def test_a_client_that_does_not_read_a_large_answer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_reply, "TAKEN_WITHIN_S", 0.2)
    reply = reply_of(Arriving(large(2_000_000) + b'"}}'))
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
    reply = reply_of(Arriving(large(2_000_000) + b'"}}'))
    await reply.begin()
    pieces: list[bool] = []

    async def slow(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            await anyio.sleep(0.1)
            pieces.append(message["more_body"])

    await reply.pass_on(slow)  # type: ignore[arg-type]
    assert 0 < len(pieces) < 2_000_000 // http_reply.PIECE_BYTES
    assert all(pieces), "an answer that was cut off is left unfinished"

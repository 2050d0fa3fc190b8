"""Work for a client ends when the client hangs up."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from auth_service.web.http import while_connected

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BOUND-1")]


def request_until(disconnected: asyncio.Event) -> Request:
    """A request whose client hangs up once `gone` is set."""

    async def receive() -> Message:
        await disconnected.wait()
        return {"type": "http.disconnect"}

    return Request({"type": "http", "method": "POST", "path": "/", "headers": []}, receive)


async def test_the_result_is_what_the_work_returns_or_raises() -> None:
    async def fails() -> None:
        raise KeyError("x")

    assert await while_connected(request_until(asyncio.Event()), asyncio.sleep(0, "done")) == "done"
    with pytest.raises(KeyError):
        await while_connected(request_until(asyncio.Event()), fails())


async def test_work_for_a_client_that_hangs_up_is_given_up() -> None:
    disconnected, begun, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            ended.set()

    waiting = asyncio.ensure_future(while_connected(request_until(disconnected), work()))
    await begun.wait()
    disconnected.set()
    with pytest.raises(ClientDisconnect):
        await waiting
    await asyncio.wait_for(ended.wait(), 5)

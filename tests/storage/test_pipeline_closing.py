"""A connection to Redis that is being opened when the store is closed (OP-1)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, cast

import pytest
from redis.asyncio import Sentinel

from shared.storage.redis import _pipeline
from shared.storage.redis_address import parse_address

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("OP-1")]


class LosingSentinel:
    """Finds the primary although it was cancelled meanwhile, as `asyncio.wait_for` of Python 3.11 may."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.asked = asyncio.Event()

    async def discover_master(self, _: str) -> tuple[str, int]:
        self.asked.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return "127.0.0.1", self._port


async def test_closing_waits_for_it_and_opens_none_afterwards() -> None:
    accepted: list[object] = []

    def accept(_: Any, writer: asyncio.StreamWriter) -> None:
        accepted.append(writer)

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        sentinel = LosingSentinel(server.sockets[0].getsockname()[1])
        address = parse_address("redis+sentinel://127.0.0.1:1/primary")
        pipeline = _pipeline(address, cast("Sentinel", sentinel))
        before = asyncio.all_tasks()
        command = asyncio.ensure_future(pipeline.execute(("PING",)))
        await asyncio.wait_for(sentinel.asked.wait(), 30)
        await pipeline.aclose()
        with pytest.raises(asyncio.CancelledError):
            await command
        assert asyncio.all_tasks() == before
        assert accepted == []

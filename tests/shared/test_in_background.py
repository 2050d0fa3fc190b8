"""Work beside a context ends with it."""

from __future__ import annotations

import asyncio

import pytest

from shared import cancellation
from shared.in_background import in_background

pytestmark = pytest.mark.anyio


async def test_the_work_runs_inside_the_context_and_has_ended_after_it() -> None:
    begun, steps = asyncio.Event(), []

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            steps.append("ended")

    async with in_background(work()):
        await begun.wait()
        assert steps == []
    assert steps == ["ended"]


async def test_it_ends_with_a_context_that_fails_and_hides_no_failure() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def fail() -> None:
        async with in_background(work()):
            await begun.wait()
            raise KeyError("the failure of the context")

    with pytest.raises(KeyError, match="the failure of the context"):
        await fail()
    assert ended.is_set()


async def test_the_failure_of_the_work_is_raised_at_the_end() -> None:
    async def work() -> None:
        raise ValueError("the failure of the work")

    async def run() -> None:
        async with in_background(work()):
            await asyncio.sleep(0)

    with pytest.raises(ValueError, match="the failure of the work"):
        await run()


async def test_it_ends_although_the_work_loses_a_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancellation, "CANCEL_AGAIN_S", 0.01)
    lost = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            lost.set()
        await asyncio.sleep(60)

    async with asyncio.timeout(10) as limit, in_background(work()):
        await asyncio.sleep(0)
    assert lost.is_set()
    assert not limit.expired()

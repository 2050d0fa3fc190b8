"""A section ends early, and nothing else does."""

from __future__ import annotations

import asyncio
import weakref

import pytest

from shared.cancellable import Cancellable


async def waiting(section: Cancellable, steps: list[str]) -> str:
    with section:
        steps.append("began")
        await asyncio.sleep(60)
        steps.append("went on")
    await asyncio.sleep(0)  # a cancellation that was not taken back would end the task here
    return "after"


async def begun(section: Cancellable, steps: list[str]) -> asyncio.Task[str]:
    task = asyncio.create_task(waiting(section, steps))
    await asyncio.sleep(0)
    assert steps == ["began"]
    return task


@pytest.mark.anyio
async def test_a_cancelled_section_ends_and_its_task_goes_on() -> None:
    section, steps = Cancellable(), list[str]()
    task = await begun(section, steps)
    section.cancel()
    section.cancel()
    assert await task == "after"
    assert (steps, section.was_cancelled) == (["began"], True)


@pytest.mark.anyio
@pytest.mark.parametrize("section_first", [True, False])
async def test_a_cancelled_task_ends_although_its_section_was_cancelled(section_first: bool) -> None:
    section, steps = Cancellable(), list[str]()
    task = await begun(section, steps)
    for cancel in (section.cancel, task.cancel) if section_first else (task.cancel, section.cancel):
        cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not section.was_cancelled


@pytest.mark.anyio
async def test_outside_of_the_section_nothing_is_cancelled() -> None:
    section = Cancellable()
    section.cancel()
    with section:
        await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(section.cancel)
    await asyncio.sleep(0.01)
    assert not section.was_cancelled


@pytest.mark.anyio
async def test_an_error_of_the_section_is_not_lost() -> None:
    with pytest.raises(ValueError, match="kept"), Cancellable():
        raise ValueError("kept")


@pytest.mark.anyio
async def test_sections_in_sections_and_time_limits_end_alone() -> None:
    outer, inner = Cancellable(), Cancellable()
    asyncio.get_running_loop().call_later(0.01, inner.cancel)
    with outer:
        async with asyncio.timeout(5):
            with inner:
                await asyncio.sleep(60)
        assert inner.was_cancelled
        asyncio.get_running_loop().call_later(0.01, outer.cancel)
        with Cancellable() as third:
            await asyncio.sleep(60)
    assert outer.was_cancelled
    assert not third.was_cancelled


@pytest.mark.anyio
async def test_a_task_that_was_cancelled_in_a_section_needs_no_garbage_collector() -> None:
    task = await begun(Cancellable(), [])
    task.cancel()
    await asyncio.wait([task])
    kept = weakref.ref(task)
    del task
    await asyncio.sleep(0)
    assert kept() is None


def test_a_section_needs_a_task() -> None:
    with pytest.raises(RuntimeError), Cancellable():
        pass

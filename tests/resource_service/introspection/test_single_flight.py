"""Sharing one question among those who ask the same."""

from __future__ import annotations

import asyncio
import gc

import pytest

from resource_service.introspection.single_flight import SingleFlight

pytestmark = pytest.mark.anyio


class Oracle:
    """Answers when it is let, and counts."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.may_answer = asyncio.Event()

    async def __call__(self, question: str) -> str:
        self.tokens.append(question)
        await self.may_answer.wait()
        if question == "bad":
            raise ValueError("no answer")
        return f"{question}, {len(self.tokens)}"


async def asking(flight: SingleFlight[str, str], *questions: str) -> list[asyncio.Task[str]]:
    tasks = [asyncio.create_task(flight(question)) for question in questions]
    await asyncio.sleep(0)  # every one of them has asked
    await asyncio.sleep(0)
    return tasks


async def test_the_same_question_is_put_once_and_different_ones_apart() -> None:
    oracle = Oracle()
    tasks = await asking(SingleFlight(oracle, join_for_s=60), "a", "b", "a", "a")
    oracle.may_answer.set()
    answers = await asyncio.gather(*tasks)
    assert sorted(oracle.tokens) == ["a", "b"]
    assert answers[0] == answers[2] == answers[3] != answers[1]


async def test_an_answer_is_not_kept() -> None:
    oracle = Oracle()
    oracle.may_answer.set()
    flight = SingleFlight(oracle, join_for_s=60)
    assert [await flight("a"), await flight("a")] == ["a, 1", "a, 2"]


async def test_a_question_under_way_for_too_long_is_put_again() -> None:
    oracle = Oracle()
    flight = SingleFlight(oracle, join_for_s=-1)
    tasks = await asking(flight, "a", "a")
    oracle.may_answer.set()
    await asyncio.gather(*tasks)
    assert oracle.tokens == ["a", "a"]


async def test_a_failure_reaches_everyone_who_asked_and_nobody_later() -> None:
    oracle = Oracle()
    flight = SingleFlight(oracle, join_for_s=60)
    tasks = await asking(flight, "bad", "bad")
    oracle.may_answer.set()
    assert [str(error) for error in await asyncio.gather(*tasks, return_exceptions=True)] == ["no answer"] * 2
    with pytest.raises(ValueError, match="no answer"):
        await flight("bad")
    assert len(oracle.tokens) == 2


async def test_one_who_gives_up_takes_nobody_else_down() -> None:
    oracle = Oracle()
    first, second = await asking(SingleFlight(oracle, join_for_s=60), "a", "a")
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    oracle.may_answer.set()
    assert await second == "a, 1"


async def test_an_unawaited_failure_is_not_logged() -> None:
    noise: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: noise.append(context))
    oracle = Oracle()
    (only,) = await asking(SingleFlight(oracle, join_for_s=60), "bad")
    only.cancel()
    oracle.may_answer.set()
    await asyncio.sleep(0.01)
    del only
    gc.collect()
    assert noise == []

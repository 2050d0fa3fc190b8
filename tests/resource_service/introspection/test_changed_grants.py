"""After a change of a grant, answers about it are cached again, but none from before it (GW-3)."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from resource_service.introspection.recently_revoked import IN_EFFECT_WITHIN_S
from tests.resource_service.introspection.cached import TOKEN, Server

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("GW-3", "RS-3")]

LESS = replace(TOKEN, scopes=("less",))


@pytest.fixture
def server() -> Server:
    server = Server()
    server.go_live()
    return server


@pytest.mark.parametrize("grant_id", ["grant", "parent"])
async def test_answers_are_cached_again_once_a_change_must_have_taken_effect(
    grant_id: str, server: Server
) -> None:
    await server.questions()
    server.cache.change(grant_id)
    server.answers["t"] = LESS
    server.pass_time(IN_EFFECT_WITHIN_S - 0.1)
    assert await server.questions() == 3
    server.pass_time(0.1)
    assert await server.questions() == 1


async def test_an_answer_requested_before_the_change_is_never_cached(
    server: Server,
) -> None:
    pending = await server.begin()
    server.cache.change("grant")
    server.answers["t"] = LESS
    server.pass_time(IN_EFFECT_WITHIN_S - 1)
    server.may_answer.set()
    assert await pending == TOKEN
    assert await server.cache("t") == LESS


async def test_an_answer_requested_before_the_change_takes_effect_is_not_cached(server: Server) -> None:
    server.cache.change("grant")
    server.pass_time(IN_EFFECT_WITHIN_S - 0.1)
    pending = await server.begin()
    server.answers["t"] = LESS
    server.pass_time(1)
    server.may_answer.set()
    assert await pending == TOKEN
    assert await server.cache("t") == LESS


async def test_a_second_change_drops_what_was_cached_after_the_first(server: Server) -> None:
    server.cache.change("grant")
    server.pass_time(IN_EFFECT_WITHIN_S)
    assert await server.questions() == 1
    server.cache.change("grant")
    server.answers["t"] = LESS
    assert await server.questions() == 3


async def test_the_end_of_a_changed_grant_is_remembered_as_an_end(server: Server) -> None:
    server.cache.revoke("grant")
    server.cache.change("grant")
    server.pass_time(IN_EFFECT_WITHIN_S)
    assert await server.questions() == 3


async def _ask(server: Server, slowness: random.Random, results: list[tuple[float, bool]]) -> None:
    """Show the token, and note when, and whether the scopes were those from before the change."""
    begun = server.now
    for _ in range(slowness.randrange(4)):
        await asyncio.sleep(0)
    answer = await server.cache("t")
    results.append((begun, answer is not None and answer.scopes != LESS.scopes))


@pytest.mark.parametrize("announced_afterwards", [True, False], ids=["announced twice", "its process dies"])
@pytest.mark.parametrize("seed", range(40))
async def test_no_request_after_a_change_gets_an_answer_from_before_it(
    seed: int, announced_afterwards: bool
) -> None:
    """Requests begin at any time around a change, and their answers take any time."""
    server = Server(join_for_s=-1)  # a request that joins an earlier one is as old as that
    server.go_live()
    chance = random.Random(seed)  # noqa: S311 -- not a secret
    results: list[tuple[float, bool]] = []
    takes_effect_after = chance.choice([0, 1, 5, IN_EFFECT_WITHIN_S - 1])
    in_effect_at = float("inf")
    async with asyncio.TaskGroup() as tasks:
        for second in range(-5, 3 * IN_EFFECT_WITHIN_S):
            if second == 0:
                server.cache.change("grant")
            if second == takes_effect_after:
                server.answers["t"] = LESS
                in_effect_at = server.now
                if announced_afterwards:
                    server.cache.change("grant")
            (server.may_answer.set if chance.random() < 0.5 else server.may_answer.clear)()
            if chance.random() < 0.7:
                tasks.create_task(_ask(server, chance, results))
            for _ in range(5):
                await asyncio.sleep(0)
            server.pass_time(1)
        server.may_answer.set()
    assert [begun for begun, is_stale in results if is_stale and begun > in_effect_at] == []
    before = server.requests
    await server.cache("t")
    await server.cache("t")
    assert server.requests <= before + 1

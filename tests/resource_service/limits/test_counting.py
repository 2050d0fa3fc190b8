"""Counting calls: never more than a limit, given back if not forwarded, freed after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from resource_service.errors import Refusal
from resource_service.limits import keeper as keeping
from resource_service.limits import slots as leases
from resource_service.limits.counted_calls import NOT_FORWARDED
from resource_service.limits.counting import CallCounting, call_counting, local_counting
from resource_service.limits.counts import Counter, LocalCounts
from resource_service.limits.keeper import LimitKeeper
from resource_service.policy.file import parse_policy
from resource_service.policy.limits import Limits
from resource_service.principal import Principal
from resource_service.reasons import Reason
from resource_service.storage.shared_store import SharedStore
from tests.machine import require
from tests.servers import RedisServer, redis_running

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("GW-5")]

PROCESSES = 4
MORNING = 1_800_000_000.0 - 1_800_000_000 % 86_400 + 6 * 3_600


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    require("redis-server")
    with redis_running(tmp_path_factory.mktemp("redis"), "--save", "") as server:
        yield server


@pytest.fixture(params=["redis", "process"])
async def countings(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[list[CallCounting]]:
    """Four that count together: of processes that share a store, or the same one four times."""
    monkeypatch.setattr(keeping, "RACES_S", ())
    if request.param == "process":
        yield [local_counting()] * PROCESSES
        return
    url = f"sqlite:///{tmp_path}/shared.db"
    if request.param == "redis":
        url = f"{request.getfixturevalue('redis').url}/0"
    async with AsyncExitStack() as stack:
        stores = [SharedStore(url) for _ in range(PROCESSES)]
        for store in stores:
            await stack.enter_async_context(store.run())
        counting = [call_counting(store, f"server-of-{tmp_path.name}") for store in stores]
        for each in counting:
            await stack.enter_async_context(each.run())
        yield counting


def limits(text: str) -> Limits:
    return parse_policy(f"scopes: {{read: Read}}\ndefault: read\nlimits:\n  {text}".encode()).limits


def keeper(counting: CallCounting, *, clock: float = MORNING, resource: str = "r") -> LimitKeeper:
    return LimitKeeper(resource=resource, counts=counting.counts, slots=counting.slots, clock=lambda: clock)


def principal(subject: str = "alice") -> Principal:
    return Principal(client_id="c", scopes=(), issuer="i", expires_at=1, subject=subject)


def call(name: str = "t") -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name}}


async def is_admitted(keeper: LimitKeeper, limits: Limits, *messages: Any, subject: str = "alice") -> bool:
    try:
        await keeper.admit(limits, principal(subject), messages or (call(),))
    except Refusal as refusal:
        if refusal.reason is Reason.LIMIT_EXCEEDED:
            return False
        raise
    return True


@pytest.mark.parametrize("countings", ["redis", "sqlite", "process"], indirect=True)
@pytest.mark.parametrize("amount", ["rate: 20/hour", "daily: 20", "concurrency: 20"])
async def test_parallel_calls_in_all_processes_reach_a_limit_and_never_exceed_it(
    amount: str, countings: list[CallCounting]
) -> None:
    limit = limits(f"a: {{per: person, {amount}}}")
    keepers = [keeper(counting) for counting in countings] * 12
    admitted = await asyncio.gather(*(is_admitted(each, limit) for each in keepers))
    assert sum(admitted) == 20
    assert await is_admitted(keepers[0], limit, subject="bob")
    assert await is_admitted(keeper(countings[0], resource="another"), limit)


async def test_the_refusal_tells_the_model_what_to_do(countings: list[CallCounting]) -> None:
    limit = limits("few: {per: person, rate: 1/hour}")
    await keeper(countings[0]).admit(limit, principal(), [call()])
    with pytest.raises(Refusal) as raised:
        await keeper(countings[1]).admit(limit, principal(), [call()])
    refusal = raised.value
    assert (refusal.status, refusal.error, refusal.rule) == (200, "limit_exceeded", "limits: few")
    assert refusal.retry_after_s is not None
    assert 3_500 < refusal.retry_after_s <= 3_600
    assert refusal.description.endswith(f"Try again in {refusal.retry_after_s} seconds, not sooner.")


async def test_a_day_ends_at_midnight(countings: list[CallCounting]) -> None:
    limit = limits("a: {per: person, daily: 1}")
    assert await is_admitted(keeper(countings[0]), limit)
    with pytest.raises(Refusal) as raised:
        await keeper(countings[1]).admit(limit, principal(), [call()])
    assert raised.value.retry_after_s == 18 * 3_600
    assert await is_admitted(keeper(countings[2], clock=MORNING + 18 * 3_600), limit)


@pytest.mark.parametrize("amount", ["rate: 1/hour", "daily: 1"])
async def test_a_call_that_was_not_forwarded_does_not_count(
    amount: str, countings: list[CallCounting]
) -> None:
    limit = limits(f"a: {{per: person, {amount}}}")
    for reason in (*sorted(NOT_FORWARDED, key=str), Reason.UPSTREAM_TIMEOUT):
        counted_calls = await keeper(countings[0]).admit(limit, principal(), [call()])
        assert counted_calls is not None
        await counted_calls.refused(reason)
        counted_calls.end()
    assert not await is_admitted(keeper(countings[1]), limit)


async def test_a_refused_request_counts_against_no_limit(countings: list[CallCounting]) -> None:
    both = limits("a: {per: person, rate: 3/hour, concurrency: 9}\n  b: {per: mount, daily: 2, tools: rare}")
    assert await is_admitted(keeper(countings[0]), both, call("rare"), call("rare"))
    for counting in countings:
        assert not await is_admitted(keeper(counting), both, call("rare"))
    assert await is_admitted(keeper(countings[1]), both, call("t"))
    assert not await is_admitted(keeper(countings[2]), both, call("t"))


@pytest.mark.parametrize("amount", ["rate: 2/hour", "concurrency: 2", "daily: 2"])
async def test_a_batch_is_admitted_as_a_whole_or_not_at_all(
    amount: str, countings: list[CallCounting]
) -> None:
    limit = limits(f"a: {{per: person, {amount}}}")
    assert not await is_admitted(keeper(countings[0]), limit, call(), call(), call())
    assert await is_admitted(keeper(countings[1]), limit, call(), call())
    assert not await is_admitted(keeper(countings[2]), limit)


async def test_a_call_that_ends_makes_room_for_the_next(
    countings: list[CallCounting], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "RACES_S", (0.01,) * 200)
    limit = limits("a: {per: person, concurrency: 1}")
    for counting in countings * 3:
        counted_calls = await keeper(counting).admit(limit, principal(), [call()])
        assert counted_calls is not None
        counted_calls.end()
        counted_calls.end()


@pytest.mark.long
@pytest.mark.parametrize("countings", ["redis"], indirect=True)
async def test_the_slots_of_a_crashed_process_become_free_when_their_leases_end(
    countings: list[CallCounting], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE_S", 5)
    limit = limits("a: {per: person, concurrency: 1}")
    assert await is_admitted(keeper(countings[0]), limit)
    assert not await is_admitted(keeper(countings[1]), limit)
    slots = countings[0].slots
    assert isinstance(slots, leases.SharedSlots)
    for _ in range(2):  # renewed for longer than the lease
        await asyncio.sleep(3)
        await slots.renew()
        assert not await is_admitted(keeper(countings[2]), limit)
    monkeypatch.setattr(keeping, "RACES_S", (0.1,) * 100)
    assert await is_admitted(keeper(countings[3]), limit)


async def test_nobody_fills_the_store_with_names_of_tools(
    countings: list[CallCounting], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "MAX_NAMES", 3)
    limit = limits("a: {per: tool, rate: 9/hour}")
    admitted = [await is_admitted(keeper(countings[0]), limit, call(f"t{n}")) for n in range(5)]
    assert admitted == [True, True, True, False, False]
    assert await is_admitted(keeper(countings[1]), limit, call("t0"))
    assert await is_admitted(keeper(countings[1]), limit, call("t9"), subject="bob")


async def test_a_store_that_does_not_answer_is_not_taken_for_room(tmp_path: Path) -> None:
    require("redis-server")
    with redis_running(tmp_path, "--save", "") as server:
        store = SharedStore(server.url)
        async with store.run():
            counting = call_counting(store, "server")
            each = limits("a: {per: person, rate: 9/hour, concurrency: 9}")
            counted_calls = await keeper(counting).admit(each, principal(), [call()])
            assert counted_calls is not None
            server.kill()
            for limit in (each, limits("a: {per: person, daily: 9}")):
                with pytest.raises(Refusal) as raised:
                    await keeper(counting).admit(limit, principal(), [call()])
                assert (raised.value.status, raised.value.reason) == (503, Reason.STORE_UNAVAILABLE)
            await counted_calls.give_back()
            counted_calls.end()


async def test_a_count_of_a_later_window_is_not_given_back() -> None:
    now = [0.0]
    counts = LocalCounts(lambda: now[0])
    counter = Counter(("a",), 60, 2)
    assert (await counts.count(counter, 2)).remaining_s == 60
    assert not (await counts.count(counter, 1)).admitted
    now[0] = 60.0
    assert (await counts.count(counter, 1)).value == 1
    await counts.uncount(counter, 5)
    assert (await counts.count(counter, 2)).admitted


async def test_expired_counters_of_this_process_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource_service.limits.counts.PRUNE_FROM", 10)
    now = [0.0]
    counts = LocalCounts(lambda: now[0])
    for number in range(500):
        now[0] += 1
        await counts.count(Counter((str(number),), 5, 1), 1)
    assert len(counts) < 30


async def test_a_policy_without_limits_counts_nothing() -> None:
    assert await keeper(local_counting()).admit({}, principal(), [call()]) is None

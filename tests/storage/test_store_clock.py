"""The store's clock: common to all processes, never going back, and set right without a jump."""

from __future__ import annotations

import itertools

import pytest

from shared.storage import StoreUnavailableError
from shared.storage.store_clock import FARTHEST_S, MAX_RATE_CHANGE, Steering, StoreClock
from tests.storage.moving_store import MovingStore

pytestmark = [pytest.mark.requirement("AS-13"), pytest.mark.anyio]


def test_the_clock_follows_the_steady_clock_between_measurements() -> None:
    assert Steering(10.0, 1_000.0).read(12.5) == 1_002.5


@pytest.mark.parametrize("jump_s", [300.0, -300.0])
def test_a_jump_of_the_store_is_caught_up_with_slowly_and_never_by_going_back(jump_s: float) -> None:
    clock, readings = Steering(0.0, 1_000.0), [1_000.0]
    for second in range(1, 1_500):
        clock = clock.measured(float(second), 1_000.0 + second + jump_s)
        readings.append(clock.read(float(second)))
    steps = [after - before for before, after in itertools.pairwise(readings)]
    assert min(steps) >= 1 - MAX_RATE_CHANGE - 1e-6
    assert max(steps) <= 1 + MAX_RATE_CHANGE + 1e-6
    assert readings[-1] == pytest.approx(1_000.0 + 1_499 + jump_s)


def test_a_correction_ends_without_further_measurements() -> None:
    clock = Steering(0.0, 1_000.0).measured(0.0, 1_010.0)
    assert clock.read(10_000.0) == pytest.approx(11_010.0)


async def test_hosts_whose_clocks_differ_read_the_same_time() -> None:
    store = MovingStore(now=5_000.0)
    clocks = [StoreClock(store, lambda ahead=ahead: store.now + ahead, store.steady) for ahead in (-300, 300)]  # type: ignore[misc]
    for clock in clocks:
        await clock.measure()
    store.pass_s(7.0)
    assert [clock() for clock in clocks] == [5_007.0, 5_007.0]


async def test_processes_that_watch_the_store_jump_stay_together() -> None:
    store = MovingStore(now=5_000.0)
    clocks = [StoreClock(store, lambda: 5_000.0, store.steady) for _ in range(2)]
    for clock in clocks:
        await clock.measure()
    store.now += 300
    await clocks[0].measure()  # the other has not yet measured
    store.pass_s(3.0)
    first, second = (clock() for clock in clocks)
    assert abs(first - second) <= 3.0 * MAX_RATE_CHANGE


async def test_a_slow_answer_moves_nothing() -> None:
    store = MovingStore(now=5_000.0)
    clock = StoreClock(store, lambda: 5_000.0, store.steady)
    await clock.measure()
    store.slow_s = 2.0
    await clock.measure()
    store.pass_s(1.0)
    assert clock() == 5_003.0


async def test_an_outage_leaves_the_clock_running() -> None:
    store = MovingStore(now=5_000.0)
    clock = StoreClock(store, lambda: 5_000.0, store.steady)
    await clock.measure()
    store.down = True
    with pytest.raises(StoreUnavailableError):
        await clock.measure()
    store.pass_s(9.0)
    assert clock() == 5_009.0


async def test_a_store_in_another_age_is_not_believed() -> None:
    store = MovingStore(now=0.0)
    clock = StoreClock(store, lambda: FARTHEST_S + 1.0, store.steady)
    assert clock() == FARTHEST_S + 1.0
    await clock.measure()
    assert clock() == FARTHEST_S + 1.0

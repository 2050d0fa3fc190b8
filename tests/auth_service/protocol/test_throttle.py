"""The brake: so many attempts in a window, then a wait."""

from __future__ import annotations

import pytest

from auth_service.protocol.throttle import Limit, Tally, count, forgive

LIMIT = Limit(attempts=3, window_s=60)
NOW = 1_000


def test_so_many_attempts_go_on_and_the_next_one_waits_for_the_end_of_the_window() -> None:
    tally: Tally | None = None
    for _ in range(LIMIT.attempts):
        tally, wait_s = count(tally, LIMIT, NOW)
        assert wait_s == 0
    assert count(tally, LIMIT, NOW) == (None, 60)
    assert count(tally, LIMIT, NOW + 59) == (None, 1)
    assert count(tally, LIMIT, NOW + 60) == (Tally(NOW + 60, 1), 0)


@pytest.mark.requirement("SEC-16")
def test_trying_on_while_waiting_makes_the_wait_no_longer() -> None:
    full = Tally(NOW, LIMIT.attempts)
    assert [count(full, LIMIT, NOW + s)[1] for s in (0, 10, 50)] == [60, 50, 10]


def test_a_window_begins_with_its_first_attempt() -> None:
    assert count(None, LIMIT, NOW) == (Tally(NOW, 1), 0)
    assert count(Tally(NOW, 1), LIMIT, NOW + 30) == (Tally(NOW, 2), 0)


def test_a_clock_that_is_set_back_never_makes_anybody_wait_for_nothing() -> None:
    tally, wait_s = count(Tally(NOW, 1), LIMIT, NOW - 500)
    assert (tally, wait_s) == (Tally(NOW, 2), 0)


def test_a_good_attempt_is_taken_back_and_never_more_than_were_made() -> None:
    assert forgive(Tally(NOW, 2)) == (Tally(NOW, 1), None)
    assert forgive(Tally(NOW, 1)) == (Tally(NOW, 0), None)
    assert forgive(Tally(NOW, 0)) == (None, None)

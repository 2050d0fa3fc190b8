"""The feed covers a token only if it would have named the end of the token since its last check."""

from __future__ import annotations

import pytest

from resource_service.introspection.cache import LIVE_FOR_S, SETTLE_S
from resource_service.introspection.coverage import Coverage

pytestmark = pytest.mark.requirement("RS-13")


def confirmed(*, until: float, max_grants: int = 1_000) -> Coverage:
    """A feed that has been live from 0 to `until`."""
    coverage = Coverage(max_grants=max_grants)
    for second in range(int(until) + 1):
        coverage.confirm(second, second)
    return coverage


def test_a_check_counts_once_the_feed_has_settled() -> None:
    coverage = confirmed(until=20)
    assert coverage.covers(["grant"], SETTLE_S, 20)
    assert not coverage.covers(["grant"], SETTLE_S - 0.1, 20)


def test_a_token_without_a_grant_is_never_covered() -> None:
    assert not confirmed(until=20).covers([], 19, 20)


def test_nothing_is_covered_before_the_feed_has_begun() -> None:
    assert not Coverage().live(0)
    assert not Coverage().covers(["grant"], 0, 0)


def test_silence_ends_coverage_and_earlier_checks_do_not_count_afterwards() -> None:
    coverage = confirmed(until=20)
    assert coverage.live(20 + LIVE_FOR_S - 0.1)
    for now in (20 + LIVE_FOR_S, 20 + LIVE_FOR_S + 1):
        assert not coverage.live(now)
        assert not coverage.covers(["grant"], 20, now)
    coverage.confirm(30, 30)
    assert not coverage.covers(["grant"], 30, 30)
    coverage.confirm(33, 33)
    assert coverage.covers(["grant"], 30 + SETTLE_S, 30 + SETTLE_S)


def test_doubt_ends_coverage_at_once() -> None:
    coverage = confirmed(until=20)
    coverage.doubt()
    assert not coverage.live(20)
    coverage.confirm(20, 20)
    assert not coverage.covers(["grant"], 20, 20)


@pytest.mark.parametrize("grants", [("grant",), ("child", "grant"), ("grant", "parent")])
def test_a_check_counts_only_after_the_end_of_a_grant_has_taken_effect(grants: tuple[str, ...]) -> None:
    coverage = confirmed(until=20)
    coverage.revoke("grant", 10)
    assert not coverage.covers(grants, 10 + SETTLE_S - 0.1, 20)
    assert coverage.covers(grants, 10 + SETTLE_S, 20)
    assert coverage.covers(["other"], 10, 20)
    coverage.revoke("grant", 14)
    assert not coverage.covers(grants, 10 + SETTLE_S, 20)


def test_a_grant_that_there_is_no_room_for_invalidates_every_earlier_check() -> None:
    coverage = confirmed(until=40, max_grants=2)
    for second, grant in enumerate(["a", "b", "a", "c"], start=10):
        coverage.revoke(grant, second)
    dropped = 11  # "b": "a" was announced again after it
    assert not coverage.covers(["other"], dropped + SETTLE_S - 0.1, 40)
    assert coverage.covers(["other"], dropped + SETTLE_S, 40)
    assert not coverage.covers(["a"], 12 + SETTLE_S - 0.1, 40)


def test_dropping_an_old_grant_does_not_make_up_for_a_gap() -> None:
    coverage = confirmed(until=1, max_grants=1)
    coverage.revoke("a", 1)
    for second in range(20, 41):
        coverage.confirm(second, second)
    coverage.revoke("b", 30)
    assert not coverage.covers(["other"], 19 + SETTLE_S, 40)
    assert coverage.covers(["other"], 20 + SETTLE_S, 40)

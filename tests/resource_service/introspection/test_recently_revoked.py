"""The grants whose end was announced are remembered, and forgetting one never makes it look alive."""

from __future__ import annotations

from resource_service.introspection.recently_revoked import AT_LEAST_S, RecentlyRevoked


def test_a_grant_is_remembered_for_as_long_as_there_is_room() -> None:
    revoked = RecentlyRevoked()
    revoked.add("a", 0)
    assert revoked.holds_any(["x", "a"], 1_000_000)
    assert not revoked.holds_any(["x", "y"], 0)
    assert not revoked.holds_any([], 0)


def test_a_grant_that_is_old_enough_makes_room() -> None:
    revoked = RecentlyRevoked(max_grants=2)
    for number, grant_id in enumerate(["a", "b", "c"]):
        revoked.add(grant_id, number * AT_LEAST_S)
    assert not revoked.holds_any(["a"], 2 * AT_LEAST_S)
    assert revoked.holds_any(["b"], 2 * AT_LEAST_S)


def test_with_too_many_at_once_every_grant_counts_as_ended_for_long_enough() -> None:
    revoked = RecentlyRevoked(max_grants=100)
    for number in range(1_000):
        revoked.add(str(number), number / 100)
    last_dropped_at = 8.99
    assert all(revoked.holds_any([str(number)], 10) for number in range(1_000))
    assert revoked.holds_any(["never heard of"], last_dropped_at + AT_LEAST_S - 0.1)
    assert not revoked.holds_any(["never heard of"], last_dropped_at + AT_LEAST_S)


def test_a_grant_that_is_announced_again_is_remembered_from_then() -> None:
    revoked = RecentlyRevoked(max_grants=2)
    for grant_id in ("a", "b", "a", "c"):
        revoked.add(grant_id, 0)
    assert revoked.holds_any(["a"], AT_LEAST_S)
    assert not revoked.holds_any(["b"], AT_LEAST_S)

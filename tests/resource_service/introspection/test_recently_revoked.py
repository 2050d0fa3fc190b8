"""The grants whose end or change was announced are remembered; forgetting one is safe."""

from __future__ import annotations

import pytest

from resource_service.introspection.recently_revoked import AT_LEAST_S, IN_EFFECT_WITHIN_S, RecentlyRevoked

LATER = 2_000_000


def test_a_grant_is_remembered_for_as_long_as_there_is_room() -> None:
    revoked = RecentlyRevoked()
    revoked.add("a", 0)
    assert revoked.concern(["x", "a"], requested_at=LATER, now=1_000_000)
    assert not revoked.concern(["x", "y"], requested_at=LATER, now=0)
    assert not revoked.concern([], requested_at=LATER, now=0)


def test_a_grant_that_is_old_enough_makes_room() -> None:
    revoked = RecentlyRevoked(max_grants=2)
    for number, grant_id in enumerate(["a", "b", "c"]):
        revoked.add(grant_id, number * AT_LEAST_S)
    assert not revoked.concern(["a"], requested_at=LATER, now=2 * AT_LEAST_S)
    assert revoked.concern(["b"], requested_at=LATER, now=2 * AT_LEAST_S)


def test_with_too_many_at_once_every_grant_counts_as_ended_for_long_enough() -> None:
    revoked = RecentlyRevoked(max_grants=100)
    for number in range(1_000):
        revoked.add(str(number), number / 100)
    last_dropped_at = 8.99
    assert all(revoked.concern([str(number)], requested_at=LATER, now=10) for number in range(1_000))
    assert revoked.concern(["never heard of"], requested_at=LATER, now=last_dropped_at + AT_LEAST_S - 0.1)
    assert not revoked.concern(["never heard of"], requested_at=LATER, now=last_dropped_at + AT_LEAST_S)


def test_a_grant_that_is_announced_again_is_remembered_from_then() -> None:
    revoked = RecentlyRevoked(max_grants=2)
    for grant_id in ("a", "b", "a", "c"):
        revoked.add(grant_id, 0)
    assert revoked.concern(["a"], requested_at=LATER, now=AT_LEAST_S)
    assert not revoked.concern(["b"], requested_at=LATER, now=AT_LEAST_S)


@pytest.mark.parametrize(
    ("ends", "requested_after_s", "concerned"),
    [
        ((False,), -1, True),
        ((False,), 0, True),
        ((False,), IN_EFFECT_WITHIN_S - 0.1, True),
        ((False,), IN_EFFECT_WITHIN_S, False),
        ((True,), IN_EFFECT_WITHIN_S, True),
        ((True, False), IN_EFFECT_WITHIN_S, True),
        ((False, True), IN_EFFECT_WITHIN_S, True),
    ],
)
def test_an_answer_requested_when_a_change_has_taken_effect_is_not_from_before_it(
    ends: tuple[bool, ...], requested_after_s: float, concerned: bool
) -> None:
    revoked = RecentlyRevoked()
    for each in ends:
        revoked.add("a", 100, ends=each)
    assert revoked.concern(["x", "a"], requested_at=100 + requested_after_s, now=200) is concerned


def test_a_change_that_makes_room_is_remembered_until_no_answer_from_before_it_can_come() -> None:
    revoked = RecentlyRevoked(max_grants=1)
    revoked.add("a", 0, ends=False)
    revoked.add("b", 1, ends=False)
    assert revoked.concern(["a"], requested_at=0, now=AT_LEAST_S - 1)
    assert not revoked.concern(["a"], requested_at=IN_EFFECT_WITHIN_S, now=AT_LEAST_S)

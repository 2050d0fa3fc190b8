"""The tokens whose revocation would be known; all others are unknown."""

from __future__ import annotations

import pytest

from resource_service.introspection.cache import LIVE_FOR_S
from resource_service.introspection.revoked_grants import (
    LONGEST_LIFE_S,
    MARGIN_S,
    REMEMBER_S,
    RevokedGrants,
)

pytestmark = pytest.mark.requirement("AS-16", "AS-19")
START = 1_800_000_000.0
LIFE_S = 600


class World:
    """Revoked grants, a feed that a test speaks for, and time that it lets pass."""

    def __init__(self, max_grants: int = 1_000) -> None:
        self.wall, self.steady = START, 0.0
        self.revoked = RevokedGrants(
            clock=lambda: self.wall, steady_clock=lambda: self.steady, max_grants=max_grants
        )

    def sleep(self, seconds: float) -> None:
        """Time passes, and nothing is heard."""
        self.wall += seconds
        self.steady += seconds

    def listen(self, seconds: float) -> None:
        """Time passes, and the feed says every second that nothing has happened."""
        for _ in range(int(seconds)):
            self.revoked.confirm(self.steady)
            self.sleep(1)
        self.revoked.confirm(self.steady)

    def knows(self, *grants: str, age_s: float = 0.0, life_s: float = LIFE_S) -> bool:
        """Whether it would know if a token of `grants` that was issued `age_s` ago had ended."""
        issued_at = self.wall - age_s
        return self.revoked.would_be_known(grants or ("grant",), issued_at, issued_at + life_s)


@pytest.fixture
def world() -> World:
    return World()


def test_an_ended_grant_is_remembered_for_five_minutes_longer_than_a_token_may_live() -> None:
    assert REMEMBER_S - LONGEST_LIFE_S == 300


def test_before_the_feed_has_said_anything_nothing_is_known(world: World) -> None:
    world.sleep(1_000)
    assert not world.knows()


def test_a_token_that_is_younger_than_the_feed_by_the_margin_is_known(world: World) -> None:
    world.listen(MARGIN_S)
    assert not world.knows()
    world.listen(10)
    assert world.knows()
    assert world.knows(age_s=9)
    assert not world.knows(age_s=10)
    assert not world.knows(age_s=100)


def test_a_token_stays_known_while_the_feed_goes_on(world: World) -> None:
    world.listen(MARGIN_S + 10)
    world.listen(300)
    assert world.knows(age_s=300)


def test_a_revoked_grant_is_asked_about_and_so_is_all_that_was_derived_from_it(world: World) -> None:
    world.listen(MARGIN_S + 10)
    world.revoked.revoke("grant")
    assert not world.knows("grant")
    assert not world.knows("child", "grant")
    assert not world.knows("grandchild", "child", "grant")
    assert world.knows("other")


def test_a_grant_is_remembered_for_longer_than_any_of_its_tokens_could_live(world: World) -> None:
    world.listen(MARGIN_S + 10)
    world.revoked.revoke("grant")
    world.listen(LONGEST_LIFE_S + MARGIN_S)
    world.revoked.revoke("another")
    assert len(world.revoked) == 2
    world.listen(REMEMBER_S)
    world.revoked.revoke("a third")
    assert len(world.revoked) == 1


def test_a_token_that_lives_longer_than_is_remembered_is_not_known(world: World) -> None:
    world.listen(MARGIN_S + 10)
    assert world.knows(life_s=LONGEST_LIFE_S)
    assert not world.knows(life_s=LONGEST_LIFE_S + 1)


def test_silence_ends_the_coverage_and_the_next_event_restarts_it(world: World) -> None:
    world.listen(MARGIN_S + 10)
    world.sleep(LIVE_FOR_S - 0.1)
    assert world.knows(age_s=LIVE_FOR_S)
    world.sleep(0.1)
    assert not world.knows()
    world.listen(MARGIN_S)
    assert not world.knows()
    world.listen(10)
    assert world.knows()
    assert not world.knows(age_s=MARGIN_S), "of the time before the gap nothing is known any more"


def test_doubt_ends_it_at_once(world: World) -> None:
    world.listen(MARGIN_S + 10)
    world.revoked.doubt()
    assert not world.knows()
    world.revoked.confirm(world.steady)
    assert not world.knows()


@pytest.mark.requirement("ID-4")
@pytest.mark.parametrize("grant_id", ["grant", None])
def test_a_token_that_may_allow_less_than_it_says_is_asked_about(world: World, grant_id: str | None) -> None:
    world.listen(MARGIN_S + 10)
    assert world.knows()
    world.revoked.change(grant_id)
    world.revoked.confirm(world.steady)
    assert not world.knows()


@pytest.mark.parametrize("doubt", [True, False])
def test_nothing_is_remembered_across_a_gap(world: World, doubt: bool) -> None:
    world.listen(1)
    world.revoked.revoke("grant")
    if doubt:
        world.revoked.doubt()
    else:
        world.sleep(LIVE_FOR_S)
        world.revoked.confirm(world.steady)
    assert len(world.revoked) == 0


def test_an_answer_that_lay_about_for_long_is_worth_nothing(world: World) -> None:
    world.listen(MARGIN_S + 10)
    asked_at = world.steady
    world.sleep(LIVE_FOR_S)
    world.revoked.confirm(asked_at)
    assert not world.knows()


def test_what_is_forgotten_for_want_of_room_is_asked_about() -> None:
    world = World(max_grants=3)
    world.listen(MARGIN_S + 10)
    for n in range(4):
        world.revoked.revoke(f"grant {n}")
        world.listen(1)
    assert len(world.revoked) == 3
    assert not world.knows("grant 0", age_s=5)
    assert not world.knows("other", age_s=5), "which ones were forgotten is not known"
    world.listen(MARGIN_S)
    assert world.knows("other")


def test_a_grant_that_is_revoked_again_is_remembered_from_then(world: World) -> None:
    world.listen(MARGIN_S + 10)
    world.revoked.revoke("grant")
    world.listen(REMEMBER_S - 1)
    world.revoked.revoke("grant")
    world.listen(10)
    world.revoked.revoke("another")
    assert not world.knows("grant")


def test_a_grant_that_is_revoked_again_keeps_no_older_one_in_memory(world: World) -> None:
    world.listen(MARGIN_S)
    for grant in ("grant", "older"):
        world.revoked.revoke(grant)
    world.listen(REMEMBER_S - 1)
    world.revoked.revoke("grant")
    world.listen(10)
    world.revoked.revoke("another")
    assert len(world.revoked) == 2


@pytest.mark.parametrize("jump_s", [-3_600, 3_600])
def test_a_clock_that_is_set_does_not_make_old_tokens_young(world: World, jump_s: float) -> None:
    world.wall += jump_s
    world.listen(MARGIN_S + 10)
    world.wall -= jump_s
    assert world.knows(age_s=9)
    assert not world.knows(age_s=11)

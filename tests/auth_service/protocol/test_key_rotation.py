"""Which key signs when, and which are published (OpenID Connect Core §10.1.1)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from auth_service.protocol.key_rotation import (
    ALGORITHMS,
    Schedule,
    due,
    signing_key,
    still_needed,
    takes_over_at,
)

pytestmark = pytest.mark.requirement("AS-17")

SCHEDULE = Schedule(period_s=1_000, ahead_s=100, lasting_s=300)


@dataclass(frozen=True)
class Key:
    alg: str
    active_from: int


FIRST, SECOND, THIRD = Key("RS256", 0), Key("RS256", 1_000), Key("RS256", 2_000)
OTHER = Key("ES256", 500)


@pytest.mark.parametrize(("now", "key"), [(0, FIRST), (999, FIRST), (1_000, SECOND), (5_000, THIRD)])
def test_the_youngest_active_key_signs(now: int, key: Key) -> None:
    assert signing_key([THIRD, OTHER, FIRST, SECOND], "RS256", now) == key


def test_the_earliest_key_signs_before_its_time() -> None:
    assert signing_key([THIRD, OTHER, SECOND], "RS256", 999) == SECOND


def test_a_key_of_another_algorithm_does_not_sign() -> None:
    with pytest.raises(LookupError, match="RS256"):
        signing_key([OTHER], "RS256", 999)


@pytest.mark.parametrize(
    ("keys", "now", "algorithms"),
    [
        ([], 0, list(ALGORITHMS)),
        ([FIRST], 0, ["ES256"]),
        ([FIRST, OTHER], 899, []),
        ([FIRST, OTHER], 900, ["RS256"]),
        ([FIRST, OTHER], 950, ["RS256"]),
        ([FIRST, SECOND, OTHER], 1_000, []),
        ([FIRST, SECOND, OTHER], 1_400, ["ES256"]),
    ],
)
def test_the_next_key_is_made_a_while_ahead(keys: list[Key], now: int, algorithms: list[str]) -> None:
    assert due(keys, SCHEDULE, now) == algorithms


def test_the_first_key_signs_at_once_and_later_ones_when_they_have_been_seen() -> None:
    assert takes_over_at([OTHER], "RS256", SCHEDULE, 700) == 700
    assert takes_over_at([FIRST], "RS256", SCHEDULE, 700) == 800


@pytest.mark.parametrize(
    ("now", "published"),
    [
        (950, [FIRST, SECOND, OTHER]),
        (1_000, [FIRST, SECOND, OTHER]),
        (1_299, [FIRST, SECOND, OTHER]),
        (1_300, [SECOND, OTHER]),
        (9_000, [SECOND, OTHER]),
    ],
)
def test_a_retired_key_is_published_until_what_it_signed_has_ended(now: int, published: list[Key]) -> None:
    assert still_needed([FIRST, SECOND, OTHER], SCHEDULE, now) == published

"""When a grant was last used, and how seldom that is written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.protocol.grant_use import (
    USE_RECORDED_EVERY_S,
    is_worth_recording,
    last_used_at,
    record_presented,
)
from tests.auth_service.protocol.builders import NOW, active_grant

pytestmark = pytest.mark.requirement("ID-7")

ISSUED = active_grant(created_at=NOW - 5_000, issued_at=NOW, unconfirmed_since=0)


def test_the_last_use_is_the_last_token_response_or_a_later_recorded_use() -> None:
    assert last_used_at(ISSUED) == NOW
    assert last_used_at(replace(ISSUED, used_at=NOW + 7)) == NOW + 7
    assert last_used_at(replace(ISSUED, issued_at=0)) == NOW - 5_000


@pytest.mark.parametrize("after_s", [0, 1, USE_RECORDED_EVERY_S - 1])
def test_a_use_soon_after_the_last_recorded_one_is_not_written(after_s: int) -> None:
    for grant in (ISSUED, replace(ISSUED, issued_at=1, used_at=NOW)):
        assert not is_worth_recording(grant, grant.generation, NOW + after_s)
        assert record_presented(grant, grant.generation, NOW + after_s) == (None, False)


def test_a_use_is_written_once_in_each_interval() -> None:
    later = NOW + USE_RECORDED_EVERY_S
    assert is_worth_recording(ISSUED, ISSUED.generation - 1, later), "whichever token it was"
    assert is_worth_recording(ISSUED, ISSUED.generation, later + 1)
    used, recorded = record_presented(ISSUED, ISSUED.generation, later)
    assert (used, recorded) == (replace(ISSUED, used_at=later), True)
    assert used is not None
    assert record_presented(used, used.generation, later) == (None, False)


def test_a_confirmation_and_a_use_are_one_write() -> None:
    later = NOW + USE_RECORDED_EVERY_S
    unconfirmed = replace(ISSUED, unconfirmed_since=NOW)
    assert record_presented(unconfirmed, unconfirmed.generation, NOW)[0] == ISSUED
    assert record_presented(unconfirmed, unconfirmed.generation, later)[0] == replace(ISSUED, used_at=later)


def test_a_grant_that_has_ended_is_not_used() -> None:
    for state in ("code", "revoked"):
        grant = replace(ISSUED, state=state)
        assert record_presented(grant, grant.generation, NOW + USE_RECORDED_EVERY_S) == (None, False)

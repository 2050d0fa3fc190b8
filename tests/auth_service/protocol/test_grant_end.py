"""The end of a grant, the time its document is kept, and the number of its live generations."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.protocol.grant import (
    LIVE_GENERATIONS,
    SECOND_CALLBACK_S,
    Grant,
    Refresh,
    is_live_access,
    is_live_refresh,
    issue,
    redeem,
    refresh,
    revoke_unless_given_in,
    revoked,
)
from tests.auth_service.protocol.builders import (
    LIFETIMES,
    NOW,
    active_grant,
    code_grant,
    redemption,
    refreshing,
    written,
)

pytestmark = pytest.mark.requirement("AS-13", "SEC-6")
CODE, ACTIVE = code_grant(), active_grant()


@pytest.mark.parametrize(
    ("grant", "last"),
    [
        (CODE, CODE.created_at),
        (ACTIVE, ACTIVE.refresh_expires_at),
        (active_grant(refreshable=False), NOW + LIFETIMES.access_s),
    ],
    ids=["a code", "refreshable", "access alone"],
)
def test_a_document_is_kept_for_ten_minutes_after_its_last_token(grant: Grant, last: int) -> None:
    assert grant.kept_until == last + 600


@pytest.mark.parametrize(
    ("grant", "end"),
    [
        (CODE, CODE.kept_until),
        (ACTIVE, ACTIVE.refresh_expires_at),
        (active_grant(refreshable=False), NOW + LIFETIMES.access_s),
    ],
    ids=["a code", "refreshable", "access alone"],
)
def test_a_grant_ends_with_the_last_of_its_tokens(grant: Grant, end: int) -> None:
    assert [grant.ended(end + later_s) for later_s in (-1, 0, 1)] == [False, True, True]


def test_a_revoked_grant_has_ended() -> None:
    assert revoked(ACTIVE, "it was revoked").ended(NOW)


def test_a_session_keeps_its_own_grants_when_all_others_are_revoked() -> None:
    assert revoke_unless_given_in(ACTIVE, "session-1", "a reason") == (None, False)
    ended = revoked(ACTIVE, "a reason")
    assert revoke_unless_given_in(ACTIVE, "session-2", "a reason") == (ended, True)
    assert revoke_unless_given_in(ACTIVE, None, "a reason") == (ended, True)
    assert revoke_unless_given_in(replace(ACTIVE, session_id=None), None, "a reason")[1]
    assert revoke_unless_given_in(replace(ACTIVE, session_id=None), "session-1", "a reason")[1]


@pytest.mark.parametrize(("later_s", "state"), [(SECOND_CALLBACK_S, "active"), (11, "revoked")])
def test_a_second_callback_is_spared_for_ten_seconds(later_s: int, state: str) -> None:
    document, _ = redeem(ACTIVE, redemption(), LIFETIMES, NOW + later_s)
    assert SECOND_CALLBACK_S == 10
    assert (document or ACTIVE).state == state


@pytest.mark.parametrize("later_s", [0, 1])
def test_an_expired_refresh_token_is_not_live(later_s: int) -> None:
    now = ACTIVE.refresh_expires_at + later_s
    assert not is_live_refresh(ACTIVE, 1, now, LIFETIMES.grace_s)
    assert refresh(ACTIVE, refreshing(1), LIFETIMES, now)[0] is None


@pytest.mark.parametrize(("grace_s", "since"), [(0, 0), (1, NOW)])
def test_an_answer_may_be_lost_only_where_there_is_a_grace_window(grace_s: int, since: int) -> None:
    lifetimes = replace(LIFETIMES, grace_s=grace_s)
    assert written(refresh(ACTIVE, refreshing(1), lifetimes, NOW)).unconfirmed_since == since


def test_the_newest_64_generations_live() -> None:
    grant = replace(ACTIVE, generation=100)
    assert [g for g in range(102) if is_live_access(grant, g)] == list(range(101 - LIVE_GENERATIONS, 101))


@pytest.mark.parametrize(
    ("until", "generation", "kept"),
    [(NOW + 1, 37, True), (NOW, 37, False), (NOW - 1, 37, False), (NOW + 1, 36, False), (NOW + 1, 35, False)],
)
def test_a_narrowing_is_recorded_while_its_token_lives(until: int, generation: int, *, kept: bool) -> None:
    narrowed = {str(generation): "a"}
    grant = replace(ACTIVE, generation=99, narrowed=narrowed, narrowed_until={str(generation): until})
    assert issue(grant, LIFETIMES, NOW).narrowed == (narrowed if kept else None)


def test_nothing_is_known_of_a_new_grant() -> None:
    grant = Grant(
        grant_id="id", client_id="client-1", scopes=(), created_at=NOW, expires_at=NOW, state="code"
    )
    assert (grant.refreshable, grant.issued_at, grant.access_expires_at, grant.refresh_expires_at) == (
        *(False, 0),
        *(0, 0),
    )
    assert (grant.redeemed_at, grant.unconfirmed_since, grant.used_at) == (0, 0, 0)
    assert not Refresh(client_id="client-1", generation=1, scope=None, resource=None).may_rebind


def test_the_time_of_a_login_is_known_unless_the_grant_says_otherwise() -> None:
    assert code_grant().auth_time_known

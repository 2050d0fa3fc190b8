"""Answers to refreshes that were lost: how long they are forgiven, to whom, and until what is presented."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from auth_service.protocol.errors import InvalidGrantError, InvalidScopeError
from auth_service.protocol.grant import Grant, is_live_refresh, issue, refresh
from auth_service.protocol.lost_answers import LOST_ANSWER_S, confirm, may_be_lost
from tests.auth_service.protocol.builders import (
    LIFETIMES,
    NOW,
    RESOURCE,
    active_grant,
    refreshing,
    written,
)

pytestmark = pytest.mark.requirement("AS-13", "SEC-7")
GRACE_S = LIFETIMES.grace_s
LASTING = replace(LIFETIMES, refresh_idle_s=400_000, refresh_absolute_s=2_000_000)
AT = NOW + 100
HISTORIES = 400


def rotated(grant: Grant | None = None, now: int = AT, **presented: object) -> Grant:
    """The next generation, whose answer may be lost."""
    grant = grant or active_grant(expires_at=NOW + LASTING.refresh_absolute_s)
    return written(refresh(grant, refreshing(grant.generation, **presented), LASTING, now))


def ends(grant: Grant, now: int, **presented: object) -> bool:
    """Whether the token before the current one ends the grant."""
    document, outcome = refresh(grant, refreshing(grant.generation - 1, **presented), LASTING, now)
    ended = document is not None and document.state == "revoked"
    assert ended is isinstance(outcome, InvalidGrantError)
    return ended


@pytest.mark.parametrize("later_s", [GRACE_S + 1, 3_600, LOST_ANSWER_S])
def test_a_lost_answer_is_given_again_with_an_access_token_that_lives_from_then_on(later_s: int) -> None:
    grant, now = rotated(), AT + later_s
    again = written(refresh(grant, refreshing(1), LASTING, now))
    assert again == replace(grant, issued_at=now, access_expires_at=now + LASTING.access_s)
    assert is_live_refresh(grant, 1, now, GRACE_S)
    # Parallel requests get the same bytes, and so does another try within the window.
    assert refresh(again, refreshing(1), LASTING, now + GRACE_S) == (None, again)


def test_it_is_forgiven_for_a_day_from_the_refresh_however_often_it_is_tried_again() -> None:
    grant, now = rotated(), AT
    while now + 5_000 <= AT + LOST_ANSWER_S:
        now += 5_000
        grant = written(refresh(grant, refreshing(1), LASTING, now))
    late = AT + LOST_ANSWER_S + 1
    assert not is_live_refresh(grant, 1, late, GRACE_S)
    assert ends(grant, late)


def test_once_something_of_the_successor_was_presented_it_is_reuse() -> None:
    document, news = confirm(rotated(), 2)
    assert document is not None
    assert news
    assert not ends(document, AT + GRACE_S)
    assert ends(document, AT + GRACE_S + 1)
    assert document.unconfirmed_since == 0
    assert confirm(document, 2) == (None, False)


@pytest.mark.parametrize("generation", [0, 1, 3])
def test_tokens_of_other_generations_confirm_nothing(generation: int) -> None:
    assert confirm(rotated(), generation) == (None, False)


def test_a_refused_use_of_the_successor_confirms_it() -> None:
    document, outcome = refresh(rotated(), refreshing(2, scope="d"), LASTING, AT + 1)
    assert isinstance(outcome, InvalidScopeError)
    assert document is not None
    assert ends(document, AT + GRACE_S + 1)


def test_another_client_confirms_nothing() -> None:
    document, _ = refresh(rotated(), refreshing(2, client_id="client-2"), LASTING, AT + 1)
    assert document is None


def test_another_key_is_not_forgiven_after_the_window() -> None:
    grant = rotated(replace(active_grant(expires_at=NOW + LASTING.refresh_absolute_s), jkt="one"), jkt="one")
    now = AT + GRACE_S + 1
    assert not ends(grant, now, jkt="one")
    assert ends(grant, now, jkt="other", may_rebind=True)
    assert ends(grant, now, jkt=None)


@pytest.mark.parametrize("resource", [RESOURCE, "https://another.example/mcp"])
def test_where_tokens_are_verified_locally_the_window_stays(resource: str) -> None:
    grant = rotated(verified_locally=frozenset({resource}))
    assert ends(grant, AT + GRACE_S + 1) is (resource == RESOURCE)


def test_documents_that_know_nothing_of_it_keep_the_window() -> None:
    assert ends(replace(rotated(), unconfirmed_since=0), AT + GRACE_S + 1)


def test_without_a_window_nothing_is_forgiven() -> None:
    assert not may_be_lost(rotated(), AT + 1, 0)
    assert may_be_lost(rotated(), AT + 1, 1)
    assert not is_live_refresh(rotated(), 1, AT + 1, 0)


def test_nothing_is_forgiven_when_the_successor_has_expired() -> None:
    brief = replace(LASTING, refresh_idle_s=3_600)
    grant = written(refresh(active_grant(), refreshing(1), brief, AT))
    assert not ends(grant, AT + 3_599)
    assert ends(grant, AT + 3_600)
    assert not may_be_lost(grant, AT + 3_601, GRACE_S)


def test_a_narrowed_token_that_is_given_again_stays_narrow_as_long_as_it_lives() -> None:
    grant = rotated(scope="a")
    again = written(refresh(grant, refreshing(1), LASTING, AT + 500))
    assert again.scopes_of(2) == ("a",)
    later = issue(again, LASTING, again.access_expires_at - 1)
    assert later.scopes_of(2) == ("a",)


def test_in_no_history_is_an_honest_client_that_lost_answers_logged_out() -> None:
    late = 0
    for seed in range(HISTORIES):
        chance = random.Random(seed)  # noqa: S311 -- not a secret
        grant, held, now = active_grant(expires_at=NOW + LASTING.refresh_absolute_s), 1, NOW
        for _ in range(30):
            now += chance.choice((0, 1, 30, 61, 600, 3_600))
            before = grant.generation
            document, outcome = refresh(grant, refreshing(held), LASTING, now)
            assert isinstance(outcome, Grant), f"seed {seed}"
            late += document is not None and document.generation == before
            grant = document or grant
            # It arrives within half a day, so that no try comes after the whole of it.
            if chance.random() < 0.5 or now > grant.unconfirmed_since + LOST_ANSWER_S // 2:
                held = outcome.generation
            if held == grant.generation and chance.random() < 0.5:
                grant = confirm(grant, held)[0] or grant
    # Else nothing here was ever forgiven.
    assert late > HISTORIES


def test_in_every_history_a_replay_after_a_confirmation_ends_the_grant_and_a_lost_one_only_delays_it() -> (
    None
):
    delayed = 0
    for seed in range(HISTORIES):
        chance = random.Random(seed)  # noqa: S311 -- not a secret
        grant, held, now = active_grant(expires_at=NOW + LASTING.refresh_absolute_s), 1, NOW
        for _ in range(chance.randrange(1, 8)):
            now += chance.choice((61, 600, 3_600))
            grant = written(refresh(grant, refreshing(held), LASTING, now))
            held = grant.generation
        thief = grant.generation - 1
        if chance.random() < 0.5:
            # The owner uses its tokens, and that is not noted; the thief gets the very same generation.
            now += chance.choice((61, 600, 3_600))
            decision = written(refresh(grant, refreshing(thief), LASTING, now))
            assert decision.generation == held
            grant, delayed = decision, delayed + 1
        grant = confirm(grant, held)[0] or grant
        assert ends(grant, now + GRACE_S + chance.randrange(1, LOST_ANSWER_S)), f"seed {seed}"
    assert 0 < delayed < HISTORIES

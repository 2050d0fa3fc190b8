"""The rules of refreshing: rotation, the grace window, reuse, narrowing, revocation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.protocol.errors import InvalidGrantError, InvalidScopeError, InvalidTargetError, OAuthError
from auth_service.protocol.grant import (
    Grant,
    is_live_access,
    is_live_refresh,
    refresh,
    revoke,
    revoke_by_client,
)
from auth_service.protocol.lost_answers import confirm
from auth_service.protocol.token_response import token_members
from tests.auth_service.protocol.builders import (
    LIFETIMES,
    NOW,
    RESOURCE,
    active_grant,
    code_grant,
    refreshing,
    refusal,
    written,
)

pytestmark = pytest.mark.requirement("AS-13", "SEC-7")
GRACE_S = LIFETIMES.grace_s


def rotated(grant: Grant, now: int, scope: str | None = None) -> Grant:
    """The next generation."""
    return written(refresh(grant, refreshing(grant.generation, scope=scope), LIFETIMES, now))


def confirmed(grant: Grant) -> Grant:
    """The grant once something of its generation was presented."""
    document, _ = confirm(grant, grant.generation)
    assert document is not None
    return document


def test_the_current_refresh_token_leads_to_the_next_generation() -> None:
    grant = rotated(active_grant(), NOW + 100)
    assert (grant.generation, grant.issued_at) == (2, NOW + 100)
    assert grant.access_expires_at == NOW + 100 + LIFETIMES.access_s
    assert grant.refresh_expires_at == NOW + 100 + LIFETIMES.refresh_idle_s


@pytest.mark.parametrize("later_s", [0, 1, GRACE_S - 1, GRACE_S])
def test_the_one_before_is_answered_with_the_same_generation_inside_the_window(later_s: int) -> None:
    grant = rotated(active_grant(), NOW + 100)
    document, result = refresh(grant, refreshing(1), LIFETIMES, NOW + 100 + later_s)
    assert document is None
    assert result == grant


@pytest.mark.parametrize("later_s", [GRACE_S + 1, 10 * GRACE_S, LIFETIMES.refresh_absolute_s])
def test_the_one_before_is_reuse_outside_the_window(later_s: int) -> None:
    grant = confirmed(rotated(active_grant(), NOW + 100))
    document, result = refresh(grant, refreshing(1), LIFETIMES, NOW + 100 + later_s)
    assert isinstance(result, InvalidGrantError)
    assert document is not None
    assert document.state == "revoked"


def test_without_a_window_the_one_before_is_reuse_in_the_next_second() -> None:
    strict = replace(LIFETIMES, grace_s=0)
    grant = rotated(active_grant(), NOW + 100)
    assert not is_live_refresh(grant, 1, NOW + 101, grace_s=0)
    document, _ = refresh(grant, refreshing(1), strict, NOW + 101)
    assert document is not None
    assert document.state == "revoked"


def test_two_generations_back_is_reuse_at_once() -> None:
    grant = rotated(rotated(active_grant(), NOW + 1), NOW + 2)
    document, _ = refresh(grant, refreshing(1), LIFETIMES, NOW + 2)
    assert document is not None
    assert document.state == "revoked"


@pytest.mark.parametrize(
    ("presented", "error"),
    [
        pytest.param(refreshing(1, client_id="client-2"), InvalidGrantError, id="another client"),
        pytest.param(refreshing(1, scope="d"), InvalidScopeError, id="a scope not granted"),
        pytest.param(refreshing(1, scope="a\tb"), InvalidScopeError, id="a malformed scope"),
        pytest.param(refreshing(1, resource="https://other.example/"), InvalidTargetError, id="a resource"),
    ],
)
def test_a_wrong_refresh_is_refused_and_changes_nothing(presented: object, error: type[OAuthError]) -> None:
    assert isinstance(refusal(refresh(active_grant(), presented, LIFETIMES, NOW + 1)), error)  # type: ignore[arg-type]


@pytest.mark.parametrize("generation", [0, 1, 2, 7])
def test_another_client_cannot_end_a_grant_with_a_token_it_found(generation: int) -> None:
    grant = rotated(active_grant(), NOW + 1)
    presented = refreshing(generation, client_id="client-2")
    assert isinstance(refusal(refresh(grant, presented, LIFETIMES, NOW + 9_000)), InvalidGrantError)


@pytest.mark.parametrize("state", ["code", "revoked"])
def test_a_grant_that_is_not_active_is_not_refreshed(state: str) -> None:
    grant = replace(active_grant(), state=state)  # type: ignore[arg-type]
    assert isinstance(refusal(refresh(grant, refreshing(1), LIFETIMES, NOW + 1)), InvalidGrantError)


def test_an_unused_refresh_token_expires() -> None:
    grant = active_grant()
    late = grant.refresh_expires_at
    assert rotated(grant, late - 1).generation == 2
    assert isinstance(refusal(refresh(grant, refreshing(1), LIFETIMES, late)), InvalidGrantError)


def test_use_moves_the_idle_end_but_never_past_the_absolute_one() -> None:
    grant, now = active_grant(), NOW
    while now + LIFETIMES.refresh_idle_s - 1 < grant.expires_at:
        now += LIFETIMES.refresh_idle_s - 1
        grant = rotated(grant, now)
        assert grant.refresh_expires_at <= grant.expires_at
        assert grant.access_expires_at <= grant.expires_at
    assert grant.refresh_expires_at == grant.expires_at
    last = confirmed(rotated(grant, grant.expires_at - 1))
    assert (last.access_expires_at, last.refresh_expires_at) == (grant.expires_at, grant.expires_at)
    assert isinstance(
        refusal(refresh(last, refreshing(last.generation), LIFETIMES, last.expires_at)), InvalidGrantError
    )


def test_a_narrower_scope_holds_for_that_access_token_alone() -> None:
    narrowed = rotated(active_grant(), NOW + 10, "b a")
    assert narrowed.scopes == ("a", "b", "c")
    assert narrowed.scopes_of(2) == ("a", "b")
    assert narrowed.scopes_of(1) == ("a", "b", "c")
    again = rotated(narrowed, NOW + 20)
    assert (again.scopes_of(3), again.scopes_of(2)) == (("a", "b", "c"), ("a", "b"))


def test_a_scope_that_authorization_dropped_is_dropped_again() -> None:
    renewed = rotated(active_grant(), NOW + 10, "d b unknown")
    assert renewed.scopes_of(2) == ("b",)
    assert token_members(renewed, GRACE_S)["scope"] == "b"


def test_asking_for_all_that_was_granted_narrows_nothing() -> None:
    assert rotated(active_grant(), NOW + 10, "c b a").narrowed is None


def test_a_narrowed_token_stays_narrow_until_it_has_expired() -> None:
    grant = rotated(active_grant(), NOW + 10, "a")
    until = grant.access_expires_at
    assert rotated(grant, until - 1).scopes_of(2) == ("a",)
    assert rotated(grant, until).narrowed is None


def test_what_is_remembered_of_narrowed_tokens_is_bounded() -> None:
    grant = active_grant()
    for _ in range(1_000):
        grant = rotated(grant, NOW + 10, "a")
    assert len(grant.narrowed or {}) <= 100
    assert len(grant.narrowed_until or {}) <= 100
    for generation in range(1, grant.generation + 1):
        assert not is_live_access(grant, generation) or grant.scopes_of(generation) == ("a",)


def test_a_replay_that_asks_for_too_much_is_refused() -> None:
    grant = rotated(active_grant(), NOW + 10)
    assert isinstance(
        refusal(refresh(grant, refreshing(1, scope="d"), LIFETIMES, NOW + 11)), InvalidScopeError
    )


def test_the_resource_may_be_repeated() -> None:
    presented = refreshing(1, resource=RESOURCE + "/")
    assert written(refresh(active_grant(), presented, LIFETIMES, NOW + 1)).resource == RESOURCE


def test_earlier_access_tokens_live_on_and_later_ones_do_not_exist() -> None:
    grant = rotated(rotated(active_grant(), NOW + 1), NOW + 2)
    assert [is_live_access(grant, generation) for generation in range(-1, 6)] == [
        *(False, False),
        *(True, True, True),
        *(False, False),
    ]


@pytest.mark.parametrize("state", ["code", "revoked"])
def test_no_access_token_of_a_grant_that_is_not_active_is_live(state: str) -> None:
    grant = replace(active_grant(), state=state)  # type: ignore[arg-type]
    assert not is_live_access(grant, 1)


@pytest.mark.parametrize(
    ("generation", "later_s", "live"),
    [
        (2, 0, True),
        (2, LIFETIMES.refresh_idle_s - 1, True),
        (2, LIFETIMES.refresh_idle_s, False),
        (1, GRACE_S, True),
        (1, GRACE_S + 1, False),
        (0, 0, False),
        (3, 0, False),
    ],
)
def test_a_refresh_token_is_live_exactly_while_it_would_be_answered(
    generation: int, later_s: int, live: bool
) -> None:
    grant = confirmed(rotated(active_grant(), NOW + 100))
    now = NOW + 100 + later_s
    assert is_live_refresh(grant, generation, now, GRACE_S) is live
    _, result = refresh(grant, refreshing(generation), LIFETIMES, now)
    assert isinstance(result, Grant) is live


def test_a_grant_without_refresh_tokens_has_no_live_one() -> None:
    assert not is_live_refresh(active_grant(refreshable=False), 1, NOW, GRACE_S)


@pytest.mark.requirement("AS-16", "SEC-9")
def test_revoking_says_whether_there_was_something_to_revoke() -> None:
    document, ended = revoke(active_grant())
    assert document is not None
    assert (document.state, ended) == ("revoked", True)
    assert revoke(document) == (None, False)


@pytest.mark.requirement("AS-16", "SEC-9")
def test_a_client_revokes_its_own_grants_only() -> None:
    assert revoke_by_client(active_grant(), "client-2") == (None, False)
    document, ended = revoke_by_client(code_grant(), "client-1")
    assert document is not None
    assert (document.state, ended) == ("revoked", True)


@pytest.mark.parametrize(
    ("access_s", "grace_s", "expires_in"),
    [(600, 60, 540), (600, 0, 599), (100, 60, 90), (1, 60, 1), (5, 60, 4)],
)
def test_a_token_is_never_promised_a_life_it_does_not_have(
    access_s: int, grace_s: int, expires_in: int
) -> None:
    grant = replace(active_grant(), access_expires_at=NOW + access_s)
    assert token_members(grant, grace_s)["expires_in"] == expires_in


def test_the_scope_of_the_answer_is_that_of_its_access_token() -> None:
    assert token_members(rotated(active_grant(), NOW + 1, "c"), GRACE_S)["scope"] == "c"


@pytest.mark.requirement("AS-13", "EXT-3")
@pytest.mark.parametrize(
    ("bound_to", "proven", "may_rebind", "result"),
    [
        ("one", "one", False, "again"),
        ("one", "other", False, "refused"),
        ("one", "other", True, "rotated"),
        ("one", None, True, "refused"),
        (None, "one", True, "refused"),
        (None, None, True, "again"),
    ],
)
def test_a_replay_moves_to_another_key_only_for_a_client_that_has_proved_itself(
    bound_to: str | None, proven: str | None, may_rebind: bool, result: str
) -> None:
    grant = replace(active_grant(), generation=2, jkt=bound_to)
    presented = refreshing(1, jkt=proven, may_rebind=may_rebind)
    document, outcome = refresh(grant, presented, LIFETIMES, grant.issued_at + 30)
    if result == "again":
        assert (document, outcome) == (None, grant)
    elif result == "rotated":
        assert isinstance(outcome, Grant)
        assert document == outcome
        assert (outcome.generation, outcome.jkt) == (3, "other")
    else:
        assert document is None
        assert isinstance(outcome, InvalidGrantError)

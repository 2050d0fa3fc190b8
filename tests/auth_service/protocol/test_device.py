"""The device authorization grant's rules (RFC 8628 §3.5, §6.1)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.protocol.device import (
    INTERVAL_S,
    TTL_S,
    USER_CODE_ALPHABET,
    USER_CODE_LENGTH,
    DeviceRequest,
    canonical_user_code,
    decide,
    poll,
    shown_user_code,
)
from auth_service.protocol.errors import OAuthError

NOW = 1_800_000_000
PENDING = DeviceRequest(client_id="client-1", scopes=("a",), user_code="BCDFGHJK", expires_at=NOW + TTL_S)
APPROVED = replace(PENDING, state="approved", subject="subject-1")

pytestmark = pytest.mark.requirement("AS-12")


def code_of(outcome: object) -> str:
    assert isinstance(outcome, OAuthError)
    return outcome.code


def test_a_device_waits_until_the_person_decides() -> None:
    polled, answer = poll(PENDING, "client-1", NOW)
    assert code_of(answer) == "authorization_pending"
    assert PENDING.polled_at == 0
    assert polled == replace(PENDING, polled_at=NOW)


def test_a_device_that_polls_too_fast_is_slowed_down_each_time() -> None:
    first, _ = poll(PENDING, "client-1", NOW)
    assert first is not None
    second, answer = poll(first, "client-1", NOW + INTERVAL_S - 1)
    assert (code_of(answer), second and second.interval_s) == ("slow_down", INTERVAL_S + 5)
    assert second is not None
    third, answer = poll(second, "client-1", NOW + INTERVAL_S + 5)
    assert (code_of(answer), third and third.interval_s) == ("slow_down", INTERVAL_S + 10)


def test_a_device_that_keeps_its_interval_is_never_slowed_down() -> None:
    request, now = PENDING, NOW
    while now < PENDING.expires_at:
        polled, answer = poll(request, "client-1", now)
        assert code_of(answer) == "authorization_pending"
        assert polled is not None
        request, now = polled, now + INTERVAL_S


def test_an_approved_request_is_redeemed_once_however_fast_it_is_requested() -> None:
    redeemed, answer = poll(replace(APPROVED, polled_at=NOW), "client-1", NOW)
    assert redeemed == answer == replace(APPROVED, polled_at=NOW, state="redeemed")
    assert redeemed is not None
    again, answer = poll(redeemed, "client-1", NOW)
    assert (again, code_of(answer)) == (None, "invalid_grant")


@pytest.mark.parametrize(
    ("request_", "client_id", "now", "code"),
    [
        (PENDING, "client-2", NOW, "invalid_grant"),
        (APPROVED, "client-2", NOW, "invalid_grant"),
        (PENDING, "client-1", NOW + TTL_S, "expired_token"),
        (APPROVED, "client-1", NOW + TTL_S, "expired_token"),
        (APPROVED, "client-1", NOW + TTL_S + 1, "expired_token"),
        (replace(PENDING, state="denied"), "client-1", NOW, "access_denied"),
    ],
)
def test_a_poll_that_cannot_succeed_says_why_and_changes_nothing(
    request_: DeviceRequest, client_id: str, now: int, code: str
) -> None:
    changed, answer = poll(request_, client_id, now)
    assert (changed, code_of(answer)) == (None, code)


@pytest.mark.parametrize("state", ["approved", "denied", "redeemed"])
def test_a_decision_stands(state: str) -> None:
    decided = replace(PENDING, state=state)  # type: ignore[arg-type]
    assert decide(decided, APPROVED, NOW) == (None, False)


def test_a_decision_after_the_end_does_not_count() -> None:
    assert decide(PENDING, APPROVED, NOW + TTL_S) == (None, False)
    assert decide(PENDING, APPROVED, NOW + TTL_S + 1) == (None, False)
    assert decide(PENDING, APPROVED, NOW + TTL_S - 1) == (APPROVED, True)


def test_what_nobody_approved_has_no_owner() -> None:
    with pytest.raises(ValueError, match="not approved"):
        _ = PENDING.owner
    assert APPROVED.owner.subject == "subject-1"


@pytest.mark.parametrize("typed", ["BCDF-GHJK", "bcdfghjk", " bcdf ghjk ", "b.c.d.f–g.h.j.k"])
def test_a_code_may_be_typed_carelessly(typed: str) -> None:
    assert canonical_user_code(typed) == "BCDFGHJK"


def test_codes_are_shown_in_halves_and_spell_nothing() -> None:
    assert shown_user_code("BCDFGHJK") == "BCDF-GHJK"
    assert not set(USER_CODE_ALPHABET) & set("AEIOUY01")
    # RFC 8628 §6.1: 34.5 bits of entropy.
    assert (len(USER_CODE_ALPHABET), USER_CODE_LENGTH) == (20, 8)


def test_the_interval_is_that_which_devices_assume() -> None:
    # RFC 8628 §3.2: five seconds where the server names none.
    assert INTERVAL_S == 5

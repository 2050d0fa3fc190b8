"""Nonces that every process with the same secret knows for its own."""

from __future__ import annotations

import pytest

from resource_service.auth.dpop.nonces import LIFETIME_S, SKEW_S, Nonces

pytestmark = pytest.mark.requirement("EXT-3")
SECRET = "the-secret-of-the-resource-server-0123456789"


class Clock:
    now = 1_800_000_000.5

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_nonce_is_good_for_a_while_and_may_be_used_often(clock: Clock) -> None:
    nonces = Nonces(SECRET, clock)
    nonce = nonces.fresh()
    assert nonces.is_good(nonce)
    clock.now += LIFETIME_S
    assert nonces.is_good(nonce)
    clock.now += 1
    assert not nonces.is_good(nonce)


def test_another_process_with_the_secret_takes_it_and_one_without_does_not(clock: Clock) -> None:
    nonce = Nonces(SECRET, clock).fresh()
    assert Nonces(SECRET, clock).is_good(nonce)
    assert not Nonces("another-secret-of-a-resource-server-01234567", clock).is_good(nonce)


def test_a_nonce_from_before_the_start_is_not_good(clock: Clock) -> None:
    nonce = Nonces(SECRET, clock).fresh()
    clock.now += 0.01
    restarted = Nonces(SECRET, clock)
    assert not restarted.is_good(nonce)
    assert restarted.is_good(restarted.fresh())


def test_a_clock_that_is_ahead_is_forgiven_a_little(clock: Clock) -> None:
    nonces = Nonces(SECRET, clock)
    ahead = Clock()
    ahead.now = clock.now + SKEW_S
    assert nonces.is_good(Nonces(SECRET, ahead).fresh())
    ahead.now += 1
    assert not nonces.is_good(Nonces(SECRET, ahead).fresh())


@pytest.mark.parametrize(
    "nonce", [None, 1, [], "", ".", "x", "1800000000500", "1800000000500.", ".x", "9" * 5_000, "²", "\ud800."]
)
def test_what_was_never_given_is_not_good(nonce: object, clock: Clock) -> None:
    assert not Nonces(SECRET, clock).is_good(nonce)


def test_a_changed_time_is_noticed(clock: Clock) -> None:
    nonces = Nonces(SECRET, clock)
    period, _, tag = nonces.fresh().partition(".")
    assert not nonces.is_good(f"{int(period) + 1}.{tag}")
    assert not nonces.is_good(f"0{period}.{tag}")

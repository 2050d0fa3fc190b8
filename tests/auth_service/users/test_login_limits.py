"""Guesses at passwords: by a network, at one account from many networks, and past its owner."""

from __future__ import annotations

import pytest

from auth_service.protocol.errors import SlowDownError
from auth_service.protocol.rate_limit import Limit
from auth_service.users.login_limits import CROWD_FACTOR, TRIES_IN_A_CROWD, LoginLimits
from shared.storage import Store

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("AS-23", "SEC-16")]

TRIES = 4
CROWD = CROWD_FACTOR * TRIES


@pytest.fixture
def limits(store: Store) -> LoginLimits:
    return LoginLimits(store, Limit(TRIES, 300))


async def tries(limits: LoginLimits, network: str, username: str = "ada", browser: str | None = None) -> int:
    """How often `network` may guess before it is refused."""
    for attempts in range(TRIES + 1):
        try:
            await limits.attempt(network, username, browser)
        except SlowDownError:
            return attempts
    raise AssertionError("never refused")


async def crowd_guesses(limits: LoginLimits, username: str = "ada") -> None:
    for number in range(CROWD // TRIES):
        assert await tries(limits, f"198.51.100.{number}/32", username) == TRIES


async def test_many_networks_together_get_few_tries_each_at_one_account(limits: LoginLimits) -> None:
    await crowd_guesses(limits)
    for number in range(3):
        assert await tries(limits, f"203.0.113.{number}/32") == TRIES_IN_A_CROWD
    assert await tries(limits, "192.0.2.1/32", "bob") == TRIES, "another account is not concerned"


async def test_two_spellings_of_a_name_are_one_account(limits: LoginLimits) -> None:
    await crowd_guesses(limits, "ADA")
    assert await tries(limits, "203.0.113.1/32", " ada ") == TRIES_IN_A_CROWD


async def test_a_name_that_cannot_be_one_is_limited_like_any_other(limits: LoginLimits) -> None:
    await crowd_guesses(limits, "no such name")
    assert await tries(limits, "203.0.113.1/32", "no such name") == TRIES_IN_A_CROWD


async def test_the_owner_gets_in_whatever_the_crowd_does(limits: LoginLimits) -> None:
    await crowd_guesses(limits)
    for _ in range(3 * TRIES):
        await limits.attempt("203.0.113.1/32", "ada", None)
        await limits.refund("203.0.113.1/32", "ada", None)
    assert await tries(limits, "198.51.100.1/32", browser="known") == TRIES, "from the crowd's own network"


async def test_a_refusal_at_the_account_costs_the_network_nothing_elsewhere(limits: LoginLimits) -> None:
    await crowd_guesses(limits)
    assert await tries(limits, "203.0.113.1/32") == TRIES_IN_A_CROWD
    assert await tries(limits, "203.0.113.1/32", "bob") == TRIES - TRIES_IN_A_CROWD

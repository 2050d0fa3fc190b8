"""Guesses at the codes of a second factor are limited for each account, whatever browsers they come from."""

from __future__ import annotations

import pytest

from auth_service.protocol.errors import SlowDownError
from auth_service.protocol.rate_limit import Limit
from auth_service.users.code_limits import WRONG_CODES_A_DAY, CodeLimits
from shared.storage import Store

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ID-5", "SEC-16")]

NETWORK = "192.0.2.1/32"


def limits(store: Store) -> CodeLimits:
    return CodeLimits(store, Limit(20, 900, "Wait."))


async def test_somebody_who_logged_in_often_before_the_factor_was_added_gets_no_more_guesses(
    store: Store,
) -> None:
    codes = limits(store)
    for number in range(WRONG_CODES_A_DAY):
        await codes.attempt(NETWORK, "ada", f"browser-{number}", guessable=True)
    with pytest.raises(SlowDownError):
        await codes.attempt(NETWORK, "ada", "another-browser", guessable=True)
    # Recovery codes cannot be guessed, and strangers are counted by themselves.
    await codes.attempt(NETWORK, "ada", "another-browser", guessable=False)
    await codes.attempt(NETWORK, "ada", None, guessable=True)
    await codes.attempt(NETWORK, "eve", "another-browser", guessable=True)


async def test_strangers_do_not_use_up_the_guesses_of_known_browsers(store: Store) -> None:
    codes = limits(store)
    for number in range(WRONG_CODES_A_DAY):
        await codes.attempt(f"198.51.100.{number}/32", "ada", None, guessable=True)
    with pytest.raises(SlowDownError):
        await codes.attempt(NETWORK, "ada", None, guessable=True)
    await codes.attempt(NETWORK, "ada", "her-browser", guessable=True)


async def test_a_correct_code_is_not_counted(store: Store) -> None:
    codes = limits(store)
    for _ in range(WRONG_CODES_A_DAY + 1):
        await codes.attempt(NETWORK, "ada", "her-browser", guessable=True)
        await codes.refund(NETWORK, "ada", "her-browser", guessable=True)

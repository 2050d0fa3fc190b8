"""A client that is deleted and a user who is locked out stay out, whatever was under way at that moment."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable

import httpx2
import pytest

from auth_service.accounts.lifecycle import AccountLifecycle
from shared.clock import system_clock
from shared.storage import open_store
from tests.e2e.contest import WEB, Contest, codes, succeeded
from tests.e2e.services import Deployment
from tests.e2e.volley import request
from tests.flow import Client, Pkce

pytestmark = [pytest.mark.anyio, pytest.mark.long, pytest.mark.xdist_group("load")]

DELETIONS = 40
LOCKOUTS = 15
AT_ONCE = 12


@pytest.fixture
async def accounts(replicated: Deployment, anyio_backend: str) -> AsyncIterator[AccountLifecycle]:
    """The components of `doorward users`, on the store of the deployment."""
    store = open_store(replicated.store_url)
    yield AccountLifecycle.of_store(store, system_clock)
    await store.aclose()


@pytest.mark.requirement("AS-6", "SEC-7")
async def test_nothing_outlives_a_deleted_client(
    contest: Contest, replicated: Deployment, http: httpx2.Client
) -> None:
    mixed = 0
    for seed in range(DELETIONS):
        chance = random.Random(seed)  # noqa: S311 -- a schedule, not a secret
        contest.client = Client.register(replicated.issuer, http, redirect_uris=WEB)
        first, pkce = contest.client.connect(contest.person), Pkce()
        bearer = {"Authorization": f"Bearer {contest.client.information['registration_access_token']}"}
        requests = mixed_requests(contest, first["refresh_token"], pkce)
        place = chance.randrange(len(requests) + 1)
        requests.insert(place, request("DELETE", f"/register/{contest.client.client_id}", bearer))
        answers = await contest.lines.shuffled(chance).fire(requests)
        assert answers.pop(place).status == 204
        tokens = [answer.json for answer in answers if answer.status == 200]
        mixed += 0 < len(tokens) < AT_ONCE
        assert await contest.live([first, *tokens]) == [], f"seed {seed}"
        redeemed = await contest.lines.fire(contest.redeem(code, pkce) for code in codes(answers))
        assert {answer.status for answer in redeemed} <= {401}, f"seed {seed}"
    assert mixed > 0


@pytest.mark.requirement("SEC-7", "AS-23")
async def test_nothing_outlives_the_lockout_of_a_user(contest: Contest, accounts: AccountLifecycle) -> None:
    user, issued = await accounts.users.named(contest.person.username), 0
    span_s = await undisturbed_s(contest)
    for seed in range(LOCKOUTS):
        first, pkce = contest.client.connect(contest.person), Pkce()
        delay_s = random.Random(seed).uniform(0, span_s)  # noqa: S311 -- a schedule, not a secret
        answers, _ = await asyncio.gather(
            contest.lines.fire(mixed_requests(contest, first["refresh_token"], pkce)),
            later(delay_s, accounts.disable(user)),
        )
        refreshed, issued_codes = succeeded(answers[::2]), codes(answers[1::2])
        assert await contest.live([first, *(answer.json for answer in refreshed)]) == [], f"seed {seed}"
        redeemed = await contest.lines.fire(contest.redeem(code, pkce) for code in issued_codes)
        assert succeeded(redeemed) == [], f"seed {seed}"
        issued += len(issued_codes)
        await accounts.enable(user)
    assert 0 < issued < LOCKOUTS * AT_ONCE


def mixed_requests(contest: Contest, refresh_token: str, pkce: Pkce) -> list[bytes]:
    """Refreshes and authorization requests by turns."""
    return [contest.refresh(refresh_token), contest.authorize(pkce)] * AT_ONCE


async def undisturbed_s(contest: Contest) -> float:
    """How many seconds such requests take while nothing else happens."""
    first, began = contest.client.connect(contest.person), time.perf_counter()
    await contest.lines.fire(mixed_requests(contest, first["refresh_token"], Pkce()))
    return time.perf_counter() - began


async def later(delay_s: float, action: Awaitable[object]) -> None:
    await asyncio.sleep(delay_s)
    await action

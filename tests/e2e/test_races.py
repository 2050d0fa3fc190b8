"""Many at once, over several processes that share one Redis: one wins, and a revocation always does."""

from __future__ import annotations

import random
from dataclasses import dataclass

import httpx2
import pytest

from tests.e2e.contest import Contest, TokenReader, succeeded
from tests.e2e.services import Deployment
from tests.e2e.volley import Answer, post
from tests.flow import Client, Pkce

pytestmark = [pytest.mark.anyio, pytest.mark.long, pytest.mark.xdist_group("load")]

CODES = 10
REDEMPTIONS = 50
REFRESHES = 200
SEEDS = 200
WAVES = 3
WAVE = 10


@pytest.mark.requirement("SEC-6", "AS-12")
async def test_of_fifty_parallel_redemptions_of_a_code_one_succeeds_and_a_thief_ends_it(
    contest: Contest,
) -> None:
    for _ in range(CODES):
        pkce = Pkce()
        code = contest.person.authorize(contest.client.authorization_url(pkce))["code"]
        answers = await contest.lines.over(2).fire([contest.redeem(code, pkce)] * REDEMPTIONS)
        [winner] = succeeded(answers)
        assert len(await contest.live([winner.json])) == 2
        assert succeeded(await contest.lines.fire([contest.redeem(code, Pkce())])) == []
        assert await contest.live([winner.json]) == []


@pytest.mark.requirement("AS-13", "SEC-7")
async def test_two_hundred_parallel_refreshes_get_one_successor_byte_for_byte(contest: Contest) -> None:
    first = contest.client.connect(contest.person)
    answers = await contest.lines.fire([contest.refresh(first["refresh_token"])] * REFRESHES)
    assert len(answers) == REFRESHES
    assert {answer.status for answer in answers} == {200}
    [body] = {answer.body for answer in answers}
    successor = Answer(200, body).json
    assert successor["refresh_token"] != first["refresh_token"]
    assert len(await contest.live([successor])) == 2


@pytest.mark.requirement("SEC-9", "AS-16")
async def test_another_client_revokes_nothing_in_the_midst_of_refreshes(
    contest: Contest, replicated: Deployment, http: httpx2.Client
) -> None:
    other = Client.register(replicated.issuer, http)
    tokens = contest.client.connect(contest.person)["refresh_token"]
    attempt = post("/revoke", {"token": tokens, "client_id": other.client_id})
    answers = await contest.lines.fire([contest.refresh(tokens), attempt] * (REFRESHES // 2))
    assert {answer.status for answer in answers} == {200}
    [body] = {answer.body for answer in answers if answer.body}
    assert len(await contest.live([Answer(200, body).json])) == 2


@pytest.mark.requirement("SEC-7", "AS-13")
async def test_a_token_from_before_in_the_midst_of_refreshes_ends_the_grant(contest: Contest) -> None:
    first = contest.client.connect(contest.person)
    [second] = await contest.lines.fire([contest.refresh(first["refresh_token"])])
    [third] = await contest.lines.fire([contest.refresh(second.json["refresh_token"])])
    requests = [contest.refresh(third.json["refresh_token"])] * (REFRESHES - 1)
    requests.insert(REFRESHES // 2, contest.refresh(first["refresh_token"]))
    good = succeeded(await contest.lines.fire(requests))
    assert await contest.live([third.json, *(answer.json for answer in good)]) == []


@dataclass
class Outcome:
    """The responses to a client during the revocation of its grant.

    Attributes:
        tokens: all it was ever given.
        mixed: whether some of those who asked at that moment succeeded and some did not.
    """

    tokens: list[TokenReader]
    mixed: bool


async def refresh_and_revoke(contest: Contest, seed: int) -> Outcome:
    """Waves of parallel refreshes, and a revocation somewhere in one of them."""
    chance = random.Random(seed)  # noqa: S311 -- a schedule, not a secret
    revoked_in, place = chance.randrange(WAVES), chance.randrange(WAVE + 1)
    tokens, mixed = [contest.client.connect(contest.person)], False
    for wave in range(revoked_in + 1):
        requests = [contest.refresh(tokens[-1]["refresh_token"])] * WAVE
        if wave == revoked_in:
            either = chance.choice(["access_token", "refresh_token"])
            requests.insert(place, contest.revoke(tokens[-1][either]))
        answers = await contest.lines.shuffled(chance).fire(requests)
        if wave == revoked_in:
            assert answers.pop(place).status == 200
        good = succeeded(answers)
        assert len(good) == WAVE or wave == revoked_in
        assert len({answer.body for answer in good}) <= 1
        tokens += [answer.json for answer in good[:1]]
        mixed = 0 < len(good) < WAVE
    return Outcome(tokens, mixed)


@pytest.mark.requirement("AS-16", "SEC-9", "AS-13")
async def test_a_revocation_in_the_midst_of_refreshes_wins(contest: Contest) -> None:
    mixed = 0
    for seed in range(SEEDS):
        outcome = await refresh_and_revoke(contest, seed)
        assert await contest.live(outcome.tokens) == [], f"seed {seed}"
        mixed += outcome.mixed
    # Else nothing here was ever a race.
    assert mixed > 0

"""Hosts whose clocks differ by minutes: codes are redeemed and refreshes repeated at any of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.e2e.services import Deployment, deployed
from tests.flow import Client, Person, Pkce
from tests.machine import require
from tests.servers import redis_running

pytestmark = [pytest.mark.requirement("AS-13", "AS-17"), pytest.mark.xdist_group("load")]

SHIFTS_S = (-300, 0, 300)
ROUNDS = 3


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Three authorization servers; one lives in the past, one in the future."""
    require("redis-server")
    directory = tmp_path_factory.mktemp("clocks")
    with (
        redis_running(directory / "redis") as redis,
        deployed(redis.url, directory, replicas=len(SHIFTS_S), clock_shifts_s=SHIFTS_S) as deployment,
    ):
        yield deployment


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
def replicas(deployment: Deployment, http: httpx2.Client) -> list[Client]:
    """The same client, at each of the servers."""
    client = Client.register(deployment.issuer, http, scope="openid notes:read")
    return [Client(auth.url, http, client.information) for auth in deployment.auth]


def test_no_code_is_refused_and_no_grant_ends(replicas: list[Client]) -> None:
    ledger: Counter[str] = Counter()
    for at in replicas:
        person, pkce = Person(trust_env=False), Pkce()
        answer = person.authorize(replicas[0].authorization_url(pkce, scope="openid notes:read"))
        response = at.redeem(answer["code"], pkce)
        ledger["codes refused"] += response.status_code != 200
        tokens = response.json()
        for _ in range(ROUNDS):
            # All at once, as several windows of one client do; most are repeats within the grace window.
            with ThreadPoolExecutor(len(replicas)) as threads:
                old = tokens.get("refresh_token", "")
                answers = list(threads.map(lambda client, token=old: client.refresh(token), replicas))
            answers += [client.refresh(old) for client in replicas]
            ledger["grants ended"] += any(answer.status_code != 200 for answer in answers)
            successors = {answer.json().get("refresh_token") for answer in answers}
            ledger["forked"] += len(successors) != 1
            tokens = answers[0].json()
        person.close()
    assert ledger == {"codes refused": 0, "grants ended": 0, "forked": 0}


def test_the_clock_that_is_followed_is_in_the_log(deployment: Deployment) -> None:
    warned = ["clocks of this host and of the store differ" in auth.log for auth in deployment.auth]
    assert warned == [shift_s != 0 for shift_s in SHIFTS_S]

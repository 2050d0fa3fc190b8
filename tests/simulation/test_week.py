"""A week of a busy deployment: afterwards the store holds what is live, and in the end what never expires.

DOORWARD_SOAK_WEEK sets how many clients people connect in each round, four times a day; without it, a round
is a day with one client each.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from auth_service.fetching import Fetcher, Limits
from auth_service.storage import keys
from shared.storage import redis as redis_store
from shared.storage.key_spec import PREFIX
from tests.certificates import Authority
from tests.flow import Client, Person
from tests.servers import PROGRAM, wait_until
from tests.simulation.deployment import (
    LIBFAKETIME,
    ShiftedStore,
    Simulated,
    SqliteFile,
    shifted_redis,
    simulated,
)
from tests.simulation.week import DAY_S, HOUR_S, Week
from tests.sites import HERE, HOST, Names, Site, document, site

pytestmark = [pytest.mark.long, pytest.mark.requirement("BOUND-2", "AS-7", "JR-6")]

WHOLE = "DOORWARD_SOAK_WEEK" in os.environ
CONNECTIONS = int(os.environ.get("DOORWARD_SOAK_WEEK", "1"))
ROUND_S = DAY_S // 4 if WHOLE else DAY_S
ROUNDS = 7 * DAY_S // ROUND_S
IDLE_S = 30 * DAY_S
"""The refresh token of a client that does not refresh for this long expires."""
FOREVER = (
    *("journal", "journal-chains", "pseudonym-key", "release", "signing-keys", "subject", "user", "users"),
)
OF_ONE_PERSON = ("known-browsers", "subject-grants", "clients")
NAMES_OF_CLIENTS = 2
HALF_A_YEAR = ("client", "consent", "once", "count", "client-grants")
"""Families of which each client that a person allowed has one key: `refresh_absolute_ttl_s`, or 180 days."""


@contextmanager
def week(store: ShiftedStore, authority: Authority) -> Iterator[Week]:
    fetcher = Fetcher(
        loopback=True,
        limits=Limits(total_s=10),
        ssl_context=authority.trusting(),
        resolve=Names({HOST: [HERE]}),
    )
    person, numbers = Person(trust_env=False), itertools.count()
    with (
        site(authority.certifying(HOST)) as stranger,
        simulated(store, fetcher=fetcher, fetch_loopback=True, journal_retention_days=2) as deployment,
    ):

        def document_client() -> Client:
            return client_of(deployment, stranger, f"/client-{next(numbers)}.json")

        yield Week(deployment, person, document_client, random.Random(1))  # noqa: S311 -- a schedule
        person.close()
        assert deployment.server.failures == []


def client_of(deployment: Simulated, stranger: Site, path: str) -> Client:
    client_id = f"https://{HOST}:{stranger.port}{path}"
    members = {
        "client_id": client_id,
        "client_name": "A client",
        "redirect_uris": [f"https://{HOST}/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
    }
    stranger.answers[path] = document(members)
    server = deployment.server
    return Client(server.origin, server.http, {**members, "token_endpoint_auth_method": "none"})


def families(stored: set[str]) -> Counter[str]:
    return Counter(key.partition(":")[0] for key in stored)


def report(moment: str, past: Week) -> set[str]:
    """Print a line of the table, and return what is stored."""
    stored = past.deployment.store.keys()
    sys.stdout.write(
        f"| {moment} | {past.requests} | {len(past.live)} | {len(past.ended)} | {len(stored)} |\n"
    )
    return stored


def of_clients(past: Week) -> dict[str, set[str]]:
    """The keys of each family, for the clients that somebody allowed."""
    subject = past.deployment.server.subject_of("wesen")
    connected = [*past.live, *past.ended]
    allowed = [*(each.client for each in connected), *past.left]
    return {
        "client": {keys.client(each.client_id) for each in [*allowed, *past.machines]},
        "consent": {keys.consent(subject, each.client_id) for each in allowed},
        "client-grants": {
            keys.client_grants(client.client_id)
            for client in [*(each.client for each in past.live), *past.left]
        },
    }


def check_live(past: Week, stored: set[str], *, grants: set[str], sessions: int, more_counts: int) -> None:
    """Check that the keys are these and no others."""
    by_client = of_clients(past)
    allowed = len(by_client["consent"])
    assert {key for key in stored if key.startswith("grant:")} == {
        keys.grant(each).removeprefix(PREFIX) for each in grants
    }
    for family, expected in by_client.items():
        there = {PREFIX + key for key in stored if key.partition(":")[0] == family}
        assert there == expected, family
    others = Counter({"once": allowed, "count": allowed + more_counts, "used-names": NAMES_OF_CLIENTS})
    others.update({"session": sessions, "subject-sessions": int(sessions > 0)})
    others.update([*FOREVER, *OF_ONE_PERSON])
    counted = families(stored)
    assert {family: counted[family] for family in counted if family not in (*by_client, "grant")} == {
        family: count for family, count in others.items() if count
    }


def happens(store: ShiftedStore, authority: Authority) -> None:
    with week(store, authority) as past:
        sys.stdout.write("\n| moment | requests | live | ended | keys |\n| --- | --- | --- | --- | --- |\n")
        for number in range(1, ROUNDS + 1):
            past.round(CONNECTIONS)
            past.deployment.advance(ROUND_S, step_s=HOUR_S)
            if number * ROUND_S % DAY_S == 0:
                report(f"day {number * ROUND_S // DAY_S}", past)
        past.deployment.advance(DAY_S + HOUR_S, step_s=HOUR_S)
        connected = {each.grant_id for each in [*past.live, *past.ended]}
        stored = report("a day later", past)
        check_live(past, stored, grants=connected, sessions=past.sessions(), more_counts=1)
        past.deployment.advance(IDLE_S // 2, step_s=DAY_S)
        past.refresh_all()
        past.deployment.advance(IDLE_S // 2 + DAY_S, step_s=DAY_S)
        past.refresh_all()
        stored = report("a month later", past)
        check_live(past, stored, grants={each.grant_id for each in past.live}, sessions=0, more_counts=0)
        past.deployment.advance(400 * DAY_S, step_s=10 * DAY_S)
        wait_until(lambda: families(store.keys()) == Counter(FOREVER))
        report("a year later", past)


def test_after_a_week_the_file_holds_what_is_live(tmp_path: Path, authority: Authority) -> None:
    happens(SqliteFile(tmp_path), authority)


@pytest.mark.skipif(
    not LIBFAKETIME.exists() or "valkey" not in PROGRAM,
    reason="the clock of Redis cannot be moved: libfaketime does not work with jemalloc (see make valkey)",
)
def test_after_a_week_valkey_holds_what_is_live(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CONNECT_TIMEOUT_S", "ANSWER_TIMEOUT_S", "CALL_TIMEOUT_S"):
        monkeypatch.setattr(redis_store, name, 1_000.0 * DAY_S)  # while an answer is under way, days pass
    with shifted_redis(tmp_path) as store:
        happens(store, authority)

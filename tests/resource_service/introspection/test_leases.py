"""Open streams continue only while their token is known to be valid (RS-13)."""

from __future__ import annotations

import asyncio
import weakref
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from resource_service.introspection import leases as module
from resource_service.introspection.cache import SETTLE_S
from resource_service.introspection.client import IntrospectionUnavailableError
from resource_service.introspection.leases import (
    RECHECK_S,
    RECHECKS_PER_TICK,
    TICK_S,
    UNKNOWN_FOR_S,
    Ending,
    Lease,
    Leases,
)
from resource_service.principal import Principal
from resource_service.reasons import Reason
from shared.introspection import ActiveToken

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-13")]

EXPIRES_AT = 1_000
PERSON = Principal(
    client_id="c", scopes=(), issuer="i", expires_at=EXPIRES_AT, grant_id="grant", parent_grants=("parent",)
)
TOKEN = ActiveToken(client_id="c", scopes=(), audience=(), issuer="i", expires_at=EXPIRES_AT)


class World:
    """Leases, the server that is asked about their tokens, and the time that passes for them.

    Attributes:
        allowed: the scopes of every token.
        trouble: what happens to a question; None for an answer.
        answering: questions wait for it.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.tokens: list[str] = []
        self.inactive: set[str] = set()
        self.allowed: tuple[str, ...] = ()
        self.trouble: Exception | None = None
        self.answering = asyncio.Event()
        self.answering.set()
        self.endings: list[Ending] = []
        self.leases = Leases(self.introspect, lambda: self.now, lambda: self.now)

    async def introspect(self, token: str) -> ActiveToken | None:
        self.tokens.append(token)
        await self.answering.wait()
        if self.trouble:
            raise self.trouble
        return None if token in self.inactive else replace(TOKEN, scopes=self.allowed)

    def open(self, token: str = "token", **options: Any) -> Lease:
        return self.leases.open(PERSON, token, self.endings.append, checked_at=self.now, **options)

    async def at(self, now: float) -> None:
        """It is `now`, and all that follows from that has happened."""
        self.now = now
        for _ in range(10):
            await asyncio.sleep(0)

    async def fail(self, error: Exception, seconds: float) -> None:
        """Nobody answers until `seconds`, though asked all along."""
        self.trouble = error
        while self.now < seconds:
            await self.at(min(seconds, self.now + RECHECK_S))


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch, anyio_backend: str) -> World:
    monkeypatch.setattr(module, "TICK_S", 0)
    return World()


@pytest.fixture
def listening(world: World) -> World:
    """A world in which the feed covers every token that is checked."""
    for second in range(int(SETTLE_S) + 1):
        world.now = second
        world.leases.confirm(world.now)
    return world


async def test_a_lease_ends_with_its_token(world: World) -> None:
    world.open()
    await world.at(EXPIRES_AT - 0.1)
    assert (len(world.leases), world.endings) == (1, [])
    await world.at(EXPIRES_AT)
    assert (len(world.leases), world.endings) == (0, [Ending.EXPIRED])
    await world.at(EXPIRES_AT + 1)
    assert world.endings == [Ending.EXPIRED], "it ends once"


async def test_a_lease_may_continue_for_as_long_as_was_allowed(world: World) -> None:
    world.open(extra_s=5)
    await world.at(EXPIRES_AT + 4.9)
    assert world.endings == []
    await world.at(EXPIRES_AT + 6)
    assert world.endings == [Ending.EXPIRED]


@pytest.mark.parametrize("grant", ["grant", "parent"])
async def test_a_lease_ends_when_the_feed_names_one_of_its_grants(world: World, grant: str) -> None:
    world.open()
    world.leases.revoke("another")
    assert world.endings == []
    world.leases.revoke(grant)
    assert world.endings == [Ending.REVOKED]
    assert len(world.leases) == 0


async def test_a_closed_lease_does_not_end_and_is_forgotten(world: World) -> None:
    lease, other = world.open(), world.open()
    for _ in range(2):
        world.leases.close(lease)
    assert len(world.leases) == 1
    world.leases.revoke("grant")
    assert world.endings == [Ending.REVOKED], "the other one ends"
    world.leases.close(other)
    assert vars(world.leases)["_by_grant"] == {}


async def test_only_standing_leases_end_when_the_service_stops(world: World) -> None:
    world.open()
    world.open(standing=True)
    world.leases.stop()
    assert world.endings == [Ending.STOPPING]
    assert len(world.leases) == 1


async def test_a_token_that_the_feed_does_not_cover_is_asked_about_twice_a_second(world: World) -> None:
    world.open()
    world.open()
    await world.at(RECHECK_S - 0.1)
    assert world.tokens == []
    for count in (1, 2):
        await world.at(count * 0.5)
        assert world.tokens == ["token"] * count


async def test_no_token_is_asked_about_again_while_its_answer_is_awaited(world: World) -> None:
    world.answering.clear()
    world.open()
    await world.at(RECHECK_S)
    await world.at(3 * RECHECK_S)
    assert world.tokens == ["token"]
    world.answering.set()
    await world.at(3 * RECHECK_S)
    await world.at(3.5 * RECHECK_S)
    assert world.tokens == ["token"] * 2, "the answer is as old as its question"


async def test_no_token_is_asked_about_that_the_feed_covers(listening: World) -> None:
    listening.open()
    assert listening.leases.now() == listening.now
    live = [listening.leases.live]
    listening.leases.confirm(listening.now + 2)
    await listening.at(listening.now + 2)
    assert listening.tokens == []
    listening.leases.doubt()
    live.append(listening.leases.live)
    assert live == [True, False]
    await listening.at(listening.now)
    assert listening.tokens == ["token"]


async def test_a_check_is_repeated_until_a_revocation_has_taken_effect(
    listening: World,
) -> None:
    listening.leases.revoke("grant")
    listening.open()
    listening.leases.confirm(listening.now + RECHECK_S)
    await listening.at(listening.now + RECHECK_S)
    assert listening.tokens == ["token"]


@pytest.mark.requirement("ID-4")
@pytest.mark.parametrize("grant_id", ["grant", None])
async def test_a_lease_ends_when_its_token_allows_less_than_before(
    listening: World, grant_id: str | None
) -> None:
    listening.leases.confirm(listening.now + RECHECK_S)
    for scopes in (("a", "b"), ("a",)):
        person = replace(PERSON, scopes=scopes)
        listening.leases.open(person, "token", listening.endings.append, checked_at=listening.now)
    listening.allowed = ("a",)
    await listening.at(listening.now + RECHECK_S)
    assert listening.tokens == []
    listening.leases.change(grant_id)
    await listening.at(listening.now)
    assert listening.tokens == ["token"]
    assert listening.endings == [Ending.NARROWED]


async def test_an_inactive_token_ends_all_its_leases_and_no_others(world: World) -> None:
    world.inactive.add("token")
    world.open()
    world.open("other")
    await world.at(RECHECK_S - 0.1)
    world.open()  # not due yet
    await world.at(RECHECK_S)
    assert world.endings == [Ending.REVOKED] * 2
    assert len(world.leases) == 1


async def test_ten_tokens_a_tick_are_asked_about_and_first_those_that_waited_longest(
    world: World,
) -> None:
    world.answering.clear()
    tokens = [f"token {number}" for number in range(2 * RECHECKS_PER_TICK)]
    for number, token in enumerate(reversed(tokens)):
        world.now = -number / 100
        world.open(token)
    world.now = RECHECK_S
    counts = []
    for _ in range(10):
        await asyncio.sleep(0)
        counts.append(len(world.tokens))
    assert sorted(set(counts)) == [0, 10, 20]
    assert world.tokens == tokens
    assert RECHECKS_PER_TICK / TICK_S == 100, "in a second"


@pytest.mark.parametrize(
    ("error", "logged"),
    [
        (IntrospectionUnavailableError(Reason.AUTHORIZATION_SERVER_UNREACHABLE, "down"), []),
        (RuntimeError("a mistake"), ["the token of an open response could not be checked"]),
    ],
)
async def test_a_lease_ends_ten_seconds_after_the_server_stopped_answering(
    world: World, error: Exception, logged: list[str]
) -> None:
    world.open()
    with capture_logs() as lines:
        await world.fail(error, RECHECK_S + 10)
        assert world.endings == []
        await world.fail(error, RECHECK_S + 10 + RECHECK_S)
    assert world.endings == [Ending.UNKNOWN]
    assert sorted({line["event"] for line in lines}) == logged


async def test_an_answer_ends_the_doubt(world: World) -> None:
    error = IntrospectionUnavailableError(Reason.AUTHORIZATION_SERVER_UNREACHABLE, "down")
    world.open()
    await world.fail(error, UNKNOWN_FOR_S)
    world.trouble = None
    await world.at(world.now + RECHECK_S)
    await world.fail(error, 2 * UNKNOWN_FOR_S)
    assert world.endings == []


class Response:
    """A response that ends with a lease, and a request that notes it.

    Attributes:
        noted: the lease.
    """

    def __init__(self) -> None:
        self.noted: list[Lease] = []

    def end(self, _ending: Ending) -> None:
        self.noted.clear()


async def test_a_closed_lease_needs_no_garbage_collector(world: World) -> None:
    response = Response()
    lease = world.leases.open(PERSON, "token", response.end, checked_at=world.now)
    response.noted.append(lease)
    world.leases.close(lease)
    kept = weakref.ref(response)
    del response, lease
    assert kept() is None


async def test_the_watch_ends_with_the_last_lease_and_begins_with_the_next(world: World) -> None:
    world.leases.close(world.open())
    await world.at(1)
    watch: asyncio.Task[None] = vars(world.leases)["_watch"]
    assert watch.done()
    world.open()
    world.open()
    await world.at(EXPIRES_AT)
    assert world.endings == [Ending.EXPIRED] * 2


def test_a_lease_does_not_show_its_token() -> None:
    lease = Lease(
        principal=PERSON, token="secret", end=print, until=0, standing=False, checked_at=0, asked_at=0
    )
    assert "secret" not in repr(lease)


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (Ending.EXPIRED, Reason.TOKEN_ENDED_MEANWHILE),
        (Ending.REVOKED, Reason.TOKEN_ENDED_MEANWHILE),
        (Ending.NARROWED, Reason.TOKEN_ENDED_MEANWHILE),
        (Ending.UNKNOWN, Reason.TOKEN_STATE_UNKNOWN),
        (Ending.STOPPING, Reason.SERVICE_STOPPING),
    ],
)
async def test_every_ending_has_its_reason_code(ending: Ending, reason: Reason) -> None:
    assert ending.reason == reason

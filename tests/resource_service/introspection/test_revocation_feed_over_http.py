"""Listening to revocations: every one is told, and the least trouble puts everything in doubt."""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from resource_service.authorization_server_client import http_client
from resource_service.introspection.cache import LIVE_FOR_S
from resource_service.introspection.issuer_keys import IssuerKeys
from resource_service.introspection.revocation_feed import MAX_EVENTS, MOST_AGE_S, RevocationFeed, Source
from shared.clock import steady_clock, system_clock
from shared.http_exchange import basic_authorization
from tests.auth_service.keypair import KeyPair
from tests.resource_service.authorization_server import (
    REVOCATIONS,
    AuthorizationServer,
    Reply,
    answer,
    answer_json,
    break_off,
    hang,
    speak_nonsense,
)
from tests.resource_service.feed import AUDIENCE, JWKS, Feed
from tests.servers import wait_until

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-7", "SEC-15")]


class Notes:
    """The calls to a listener, in order."""

    def __init__(self) -> None:
        self.notifications: list[str] = []
        self.confirmed_as_of = float("-inf")

    @property
    def live(self) -> bool:
        return steady_clock() < self.confirmed_as_of + LIVE_FOR_S

    def confirm(self, as_of: float) -> None:
        self.confirmed_as_of = as_of
        self.notifications.append("confirmed")

    def revoke(self, grant_id: str) -> None:
        self.notifications.append(grant_id)

    def change(self, grant_id: str | None) -> None:
        self.notifications.append(f"changed {grant_id}")

    def doubt(self) -> None:
        self.confirmed_as_of = float("-inf")
        self.notifications.append("doubt")

    @property
    def revoked(self) -> list[str]:
        return [each for each in self.notifications if each not in ("confirmed", "doubt")]


async def until(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_until, condition)


@pytest.fixture
def feed() -> Iterator[Feed]:
    """The feed of a separate server, which nothing else polls."""
    server = AuthorizationServer().start()
    yield Feed(server, heartbeat_s=0.05)
    server.stop()


@pytest.fixture
async def notes(feed: Feed, anyio_backend: str) -> AsyncIterator[Notes]:
    """A running consumer of the feed, and its listener after the first event."""
    notes, url = Notes(), feed.server.url
    async with http_client(timeout_s=60, max_connections=2) as http:
        keys = IssuerKeys(http, f"{url}{JWKS}", timeout_s=30, steady_clock=steady_clock)
        authorization = basic_authorization(AUDIENCE, "the secret/")
        source = Source(f"{url}{REVOCATIONS}", authorization, url, AUDIENCE)
        consumer = RevocationFeed(
            http, source, keys, notes, clock=system_clock, steady_clock=steady_clock, retry_s=0.05
        )
        task = asyncio.create_task(consumer.follow())
        await until(lambda: notes.live)
        yield notes
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_every_revocation_is_announced_once_and_in_order(feed: Feed, notes: Notes) -> None:
    grants = [f"grant {number}" for number in range(2 * MAX_EVENTS + 10)]
    for number, grant in enumerate(grants):
        feed.announce(grant)
        if number % 50 == 0:
            await asyncio.sleep(0.02)
    await until(lambda: len(notes.revoked) >= len(grants))
    assert notes.revoked == grants
    assert "doubt" not in notes.notifications


async def test_we_show_who_we_are_and_where_we_stand(feed: Feed, notes: Notes) -> None:
    await until(lambda: len(feed.polls) >= 4)
    assert "ack" not in feed.polls[0]
    assert all(len(poll["ack"]) == 1 for poll in feed.polls[1:])
    assert feed.polls[0]["returnImmediately"] is False
    authorization = feed.server.unprompted[0].headers["authorization"]
    assert authorization == f"Basic {b64encode(b'resource:the+secret%2F').decode()}"


async def test_it_is_confirmed_as_of_the_question_not_of_the_answer(feed: Feed, notes: Notes) -> None:
    feed.heartbeat_s = 1.0
    note_count = len(notes.notifications)
    await until(lambda: len(notes.notifications) >= note_count + 2)
    assert steady_clock() - notes.confirmed_as_of >= 0.9


async def test_a_backlog_is_not_confirmed_before_its_end(feed: Feed, notes: Notes) -> None:
    for number in range(3 * MAX_EVENTS):
        feed.announce(str(number))
    await until(lambda: len(notes.revoked) >= 3 * MAX_EVENTS)
    first, last = notes.notifications.index("0"), notes.notifications.index(str(3 * MAX_EVENTS - 1))
    assert last - first >= 2 * MAX_EVENTS
    backlog = notes.notifications[notes.notifications.index(str(MAX_EVENTS)) : last]
    assert "confirmed" not in backlog


TROUBLES: dict[str, Reply] = {
    "the position is not known": answer_json({"err": "unknown_position"}, 409),
    "it is down": answer_json({"error": "temporarily_unavailable"}, 503),
    "an internal error": answer(500, b"oops"),
    "our credentials are refused": answer_json({"error": "invalid_client"}, 401),
    "the connection breaks": break_off,
    "nonsense": speak_nonsense,
    "html": answer(200, b"<html>", "Content-Type: text/html"),
    "moved": answer(302, b"", "Location: /elsewhere"),
    "a list": answer_json([]),
    "no sets": answer_json({"moreAvailable": False}),
    "sets as a list": answer_json({"sets": []}),
    "sets of numbers": answer_json({"sets": {"1.1": 1}}),
    "more as text": answer_json({"sets": {}, "moreAvailable": "no"}),
    "a set that is not a token": answer_json({"sets": {"1.1": "junk"}}),
    "too large": answer(200, b" " * 1_100_000),
    "deeply nested": answer(200, b"[" * 100_000),
}


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_after_any_trouble_everything_is_in_doubt_and_the_stream_starts_over(
    trouble: str, feed: Feed, notes: Notes
) -> None:
    feed.instead = TROUBLES[trouble]
    await until(lambda: "doubt" in notes.notifications)
    confirmed = notes.notifications.count("confirmed")
    begun = feed.fresh_polls
    feed.instead = None
    await until(lambda: notes.notifications.count("confirmed") > confirmed)
    assert feed.fresh_polls > begun
    feed.announce("after it")
    await until(lambda: notes.revoked == ["after it"])


async def test_an_answer_that_does_not_come_is_not_waited_for_beyond_its_use(
    feed: Feed, notes: Notes
) -> None:
    feed.instead = hang
    await until(lambda: "doubt" in notes.notifications)
    confirmed = notes.notifications.count("confirmed")
    feed.instead = None
    await until(lambda: notes.notifications.count("confirmed") > confirmed)


def claims(**changes: Any) -> Callable[[Feed], None]:
    """Change what the events say; None takes a claim out."""

    def set_up(feed: Feed) -> None:
        def change(claims: dict[str, Any]) -> None:
            claims.update(changes)
            for name in [name for name, value in changes.items() if value is None]:
                del claims[name]

        feed.change = change

    return set_up


def signed(sign: Callable[[Feed, dict[str, Any]], str]) -> Callable[[Feed], None]:
    """Sign the events in another way."""

    def set_up(feed: Feed) -> None:
        feed.sign = lambda claims: sign(feed, claims)

    return set_up


FORGERIES: dict[str, Callable[[Feed], None]] = {
    "signed by another": signed(lambda feed, claims: KeyPair().sign(claims, "secevent+jwt")),
    "signed by another under our key's name": signed(
        lambda feed, claims: KeyPair().sign(claims, "secevent+jwt", kid=feed.pair.kid)
    ),
    "of another algorithm": signed(lambda feed, claims: KeyPair("RS256").sign(claims, "secevent+jwt")),
    "of another type": signed(lambda feed, claims: feed.pair.sign(claims, "JWT")),
    "of no type": signed(lambda feed, claims: feed.pair.sign(claims, None)),
    "cut short": signed(lambda feed, claims: feed.pair.sign(claims, "secevent+jwt")[:-6]),
    "from another issuer": claims(iss="https://other.example"),
    "for another resource server": claims(aud="other"),
    "under another name": claims(jti="0.another"),
    "without a name": claims(jti=None),
    "without a time": claims(iat=None),
    "old": claims(iat=int(time.time()) - MOST_AGE_S - 5),
    "of the future": claims(iat=int(time.time()) + 3_600),
    "about nobody": claims(sub_id=None),
    "about somebody of another kind": claims(sub_id={"format": "email", "email": "a@example.com"}),
    "of an unknown kind": claims(events={"https://schemas.example/something": {}}),
    "of two kinds": claims(events={"a": {}, "b": {}}),
    "of no kind": claims(events={}),
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_an_event_that_cannot_be_trusted_puts_everything_in_doubt(
    forgery: str, feed: Feed, notes: Notes
) -> None:
    FORGERIES[forgery](feed)
    await until(lambda: "doubt" in notes.notifications)
    confirmed = notes.notifications.count("confirmed")
    begun = feed.fresh_polls
    await until(lambda: feed.fresh_polls >= begun + 2)
    assert notes.notifications.count("confirmed") == confirmed
    assert not notes.live


async def test_a_response_without_events_confirms_nothing_and_delays_the_next_poll(
    feed: Feed, notes: Notes
) -> None:
    feed.instead = answer_json({"sets": {}})
    await until(lambda: len(feed.polls) > 2)
    confirmed, polls = notes.notifications.count("confirmed"), len(feed.polls)
    await asyncio.sleep(1)
    assert notes.notifications.count("confirmed") == confirmed
    assert len(feed.polls) - polls <= 12
    assert all(poll["ack"] for poll in feed.polls[2:])


async def test_a_signature_of_a_key_that_is_new_is_verified(feed: Feed, notes: Notes) -> None:
    feed.pair = KeyPair()
    feed.server.replies[JWKS] = answer_json(feed.pair.jwks)
    note_count = len(notes.notifications)
    await until(lambda: "confirmed" in notes.notifications[note_count + 5 :])
    feed.announce("after it")
    await until(lambda: notes.revoked == ["after it"])

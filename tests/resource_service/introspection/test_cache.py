"""Answers are given again only while it is certain that no revocation was missed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from resource_service.introspection.cache import (
    INACTIVE_FOR_S,
    LIVE_FOR_S,
    LONGEST_QUESTION_S,
    SETTLE_S,
    IntrospectionCache,
)
from resource_service.introspection.client import IntrospectionUnavailableError, ServerDownError
from resource_service.introspection.recently_revoked import AT_LEAST_S, IN_EFFECT_WITHIN_S
from resource_service.reasons import Reason
from tests.resource_service.introspection.cached import KEEP_S, TOKEN, Server

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-3", "AS-16")]


def test_a_lost_revocation_takes_effect_within_five_seconds() -> None:
    poll_s = 1
    assert LIVE_FOR_S + poll_s == SETTLE_S == 5
    assert INACTIVE_FOR_S == 3
    assert LONGEST_QUESTION_S == AT_LEAST_S - IN_EFFECT_WITHIN_S


async def test_without_a_feed_every_request_asks() -> None:
    server = Server()
    assert await server.questions() == 3
    assert await server.questions("junk") == 3


async def test_while_the_feed_is_live_one_question_is_enough() -> None:
    server = Server()
    server.go_live()
    assert server.cache.live
    assert await server.questions() == 1
    assert await server.questions("junk") == 1
    server.pass_time(KEEP_S - 1)
    assert await server.questions() == 0


async def test_nothing_is_kept_before_the_feed_has_settled() -> None:
    server = Server()
    server.cache.confirm(server.now)
    server.pass_time(SETTLE_S - 0.1)
    assert await server.questions() == 3
    server.pass_time(0.1)
    assert await server.questions() == 1


async def test_a_response_is_cached_at_most_until_the_token_expires() -> None:
    server = Server()
    server.go_live()
    await server.questions()
    server.pass_time(KEEP_S)
    assert await server.questions() == 1
    server.answers["short"] = replace(TOKEN, expires_at=int(server.now) + 10)
    assert await server.questions("short") == 1
    server.pass_time(10)
    assert await server.questions("short") == 3


async def test_an_inactive_answer_is_kept_for_a_moment() -> None:
    server = Server()
    server.go_live()
    assert await server.questions("junk") == 1
    server.pass_time(INACTIVE_FOR_S)
    assert await server.questions("junk") == 1


@pytest.mark.parametrize("grant_id", ["grant", "parent"])
async def test_a_revoked_grant_is_asked_about_at_once_and_for_a_minute_at_least(grant_id: str) -> None:
    server = Server()
    server.go_live()
    await server.questions()
    server.cache.revoke(grant_id)
    assert await server.questions() == 3
    server.pass_time(AT_LEAST_S)
    assert await server.questions() == 3
    server.answers["other"] = replace(TOKEN, grant_id="another", parent_grants=())
    assert await server.questions("other") == 1


@pytest.mark.requirement("ID-4")
@pytest.mark.parametrize("grant_id", ["grant", "parent", None])
async def test_what_a_token_allows_is_requested_at_once_after_a_change(grant_id: str | None) -> None:
    server = Server()
    server.go_live()
    await server.questions()
    server.answers["t"] = replace(TOKEN, scopes=("less",))
    server.cache.change(grant_id)
    server.cache.confirm(server.now)
    assert await server.questions() == 3  # and not kept: the change may take effect a moment later


async def test_an_answer_that_was_requested_before_the_revocation_is_not_kept() -> None:
    server = Server()
    server.go_live()
    pending = await server.begin()
    server.cache.revoke("grant")
    del server.answers["t"]
    server.may_answer.set()
    await pending
    assert await server.cache("t") is None


async def test_when_the_feed_is_not_heard_of_nothing_kept_is_used() -> None:
    server = Server()
    server.go_live()
    await server.questions()
    server.now += LIVE_FOR_S - 0.01
    assert await server.questions() == 0
    server.now += 0.01
    assert not server.cache.live
    assert await server.questions() == 3
    server.now += 0.01
    assert await server.questions() == 3


async def test_what_was_kept_before_the_feed_fell_silent_is_gone_when_it_is_heard_again() -> None:
    server = Server()
    server.go_live()
    await server.questions()
    server.now += LIVE_FOR_S
    server.go_live()
    assert await server.questions() == 1


async def test_a_doubt_drops_everything_at_once() -> None:
    server = Server()
    server.go_live()
    await server.questions()
    server.cache.doubt()
    assert not server.cache.live
    assert await server.questions() == 3
    server.go_live()
    assert await server.questions() == 1


async def test_an_answer_that_lay_about_for_too_long_does_not_make_the_feed_live() -> None:
    server = Server()
    server.go_live()
    await server.questions()
    asked_at = server.now
    server.now += 60  # frozen, with the answer waiting in the socket
    server.cache.confirm(asked_at)
    assert not server.cache.live
    assert await server.questions() == 3


@pytest.mark.parametrize("interruption", ["before it was live", "a doubt", "a silence"])
async def test_a_question_from_before_a_doubt_is_answered_and_not_kept(interruption: str) -> None:
    server = Server()
    if interruption != "before it was live":
        server.go_live()
    pending = await server.begin()
    if interruption == "a doubt":
        server.cache.doubt()
    elif interruption == "a silence":
        server.now += LIVE_FOR_S
    server.go_live()
    server.may_answer.set()
    assert await pending == TOKEN
    assert await server.questions() == 1


async def test_joining_a_question_from_before_the_feed_was_live_keeps_nothing() -> None:
    server = Server()
    server.cache.confirm(server.now)
    server.pass_time(SETTLE_S - 0.1)
    early = await server.begin()
    server.pass_time(0.1)
    joined = asyncio.create_task(server.cache("t"))
    await asyncio.sleep(0)
    server.may_answer.set()
    assert await early == await joined == TOKEN
    assert server.requests == 1
    assert await server.questions() == 1


@pytest.mark.parametrize("took_s", [LONGEST_QUESTION_S, LONGEST_QUESTION_S + 1])
async def test_an_answer_that_took_very_long_is_not_kept(took_s: float) -> None:
    server = Server()
    server.go_live()
    pending = await server.begin()
    server.pass_time(took_s)
    server.may_answer.set()
    await pending
    assert await server.questions() == 1


async def test_a_token_of_which_no_revocation_would_be_known_is_never_kept() -> None:
    server = Server()
    server.answers["t"] = replace(TOKEN, grant_id=None)
    server.go_live()
    assert await server.questions() == 3


async def test_what_cannot_be_known_is_not_kept() -> None:
    server = Server()
    server.go_live()
    server.down = True
    for _ in range(2):
        with pytest.raises(IntrospectionUnavailableError):
            await server.cache("t")
    server.down = False
    assert await server.questions() == 1
    server.down = True
    assert await server.questions() == 0


async def test_no_token_is_in_what_is_kept() -> None:
    server = Server()
    server.answers["a-secret-token"] = TOKEN
    server.go_live()
    await server.questions("a-secret-token")
    entries = vars(server.cache)["_answers"]
    assert "a-secret-token" not in repr(vars(entries))


def outage(grace_s: float) -> Server:
    """A server whose feed was heard, and a cache that may be used for some time without it."""
    server = Server()
    server.cache = IntrospectionCache(
        server.answer,
        keep_for_s=KEEP_S,
        join_for_s=0.25,
        clock=lambda: server.now,
        steady_clock=lambda: server.now,
        outage_grace_s=grace_s,
    )
    server.go_live()
    return server


async def lose_server(server: Server) -> None:
    """Know an answer, then lose the server and the feed."""
    assert await server.cache("t") == TOKEN
    server.trouble = ServerDownError(Reason.AUTHORIZATION_SERVER_UNREACHABLE, "down")
    server.cache.doubt()


async def test_without_a_grace_no_answer_outlives_the_feed() -> None:
    server = outage(0)
    await lose_server(server)
    with pytest.raises(ServerDownError):
        await server.cache("t")


async def test_in_the_grace_of_an_outage_the_last_answer_is_used_and_not_longer() -> None:
    server = outage(60)
    await lose_server(server)
    server.now += 59.9
    assert await server.cache("t") == TOKEN
    with pytest.raises(ServerDownError):
        await server.cache("unknown")
    server.now += 0.2
    with pytest.raises(ServerDownError):
        await server.cache("t")


async def test_the_grace_is_added_to_the_age_of_an_answer_but_never_to_its_token() -> None:
    server = outage(600)
    server.answers["short"] = replace(TOKEN, expires_at=int(server.now) + KEEP_S + 30)
    assert await server.cache("short") == server.answers["short"]
    assert await server.cache("t") == TOKEN
    server.pass_time(KEEP_S - 1)
    await lose_server(server)
    server.now += 20
    assert await server.cache("short") == server.answers["short"]
    server.now += 20
    assert await server.cache("t") == TOKEN
    with pytest.raises(ServerDownError):
        await server.cache("short")


async def test_a_server_that_can_be_asked_is_asked_in_the_grace() -> None:
    server = outage(60)
    await lose_server(server)
    server.trouble = None
    del server.answers["t"]
    assert await server.cache("t") is None
    server.trouble = ServerDownError(Reason.AUTHORIZATION_SERVER_UNREACHABLE, "down")
    with pytest.raises(ServerDownError):
        await server.cache("t")


async def test_what_the_feed_named_and_what_was_missed_is_not_used_in_the_grace() -> None:
    server = outage(60)
    await lose_server(server)
    server.cache.revoke("parent")
    with pytest.raises(ServerDownError):
        await server.cache("t")
    other = outage(60)
    await lose_server(other)
    other.cache.confirm(other.now)
    other.cache.doubt()
    with pytest.raises(ServerDownError):
        await other.cache("t")


async def test_a_malformed_answer_does_not_start_the_grace() -> None:
    server = outage(60)
    await lose_server(server)
    server.trouble = IntrospectionUnavailableError(Reason.INTROSPECTION_ANSWER_MALFORMED, "odd")
    with pytest.raises(IntrospectionUnavailableError, match="odd"):
        await server.cache("t")

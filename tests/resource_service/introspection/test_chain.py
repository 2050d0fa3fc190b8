"""Which validators a token passes, by the settings, and which of them hear of revocations."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Protocol
from unittest.mock import Mock

import pytest

from resource_service.introspection.cache import IntrospectionCache
from resource_service.introspection.chain import JOIN_FOR_S, IntrospectionChain, introspection_chain
from resource_service.introspection.client import (
    Introspect,
    IntrospectionUnavailableError,
    NeedsGroups,
    no_groups,
)
from resource_service.introspection.ended_grants import RefusingEnded
from resource_service.introspection.local_jwt_validator import LocalJwtValidator
from resource_service.introspection.revocation_feed import Listener, RevocationFeed
from resource_service.introspection.single_flight import SingleFlight
from resource_service.settings import ResourceSettings
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.feed import Feed
from tests.servers import wait_until

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-3", "RS-7")]


class Live(Protocol):
    @property
    def live(self) -> bool: ...


@pytest.fixture
def feed() -> Iterator[Feed]:
    """The feed of a separate server, which nothing else polls."""
    server = AuthorizationServer().start()
    yield Feed(server, heartbeat_s=0.05)
    server.stop()


def chain_to(
    server: AuthorizationServer,
    leases: Listener | None = None,
    needs_groups: NeedsGroups = no_groups,
    **settings: Any,
) -> IntrospectionChain:
    usual = {"resource": "http://127.0.0.1:9/mcp", "issuer": server.url, "resource_secret": "s" * 32}
    return introspection_chain(
        ResourceSettings(**{**usual, **settings}), leases=leases, needs_groups=needs_groups
    )


def inner(chain: IntrospectionChain) -> Introspect:
    """The `Introspect` behind the refusal of ended grants."""
    assert isinstance(chain.introspect, RefusingEnded)
    return chain.introspect.ask


async def until_live(*listeners: Live) -> None:
    await asyncio.to_thread(wait_until, lambda: all(listener.live for listener in listeners))


async def test_answers_are_cached_while_revocations_arrive(feed: Feed) -> None:
    chain = chain_to(feed.server)
    cache = inner(chain)
    assert isinstance(cache, IntrospectionCache)
    async with chain.run():
        await until_live(cache)


async def test_tokens_are_validated_locally_where_that_is_wanted(feed: Feed) -> None:
    chain = chain_to(feed.server, verify_jwt_locally=True, introspection_cache_s=0)
    assert isinstance(inner(chain), LocalJwtValidator)
    async with chain.run():
        await until_live(vars(inner(chain))["_revoked"])


@pytest.mark.requirement("ID-3")
async def test_each_validator_knows_whether_a_policy_names_groups(feed: Feed) -> None:
    def always() -> bool:
        return True

    chain = chain_to(feed.server, needs_groups=always, verify_jwt_locally=True)
    assert isinstance(inner(chain), LocalJwtValidator)
    local = vars(inner(chain))
    assert isinstance(local["_ask"], IntrospectionCache)
    assert (local["_needs_groups"], vars(local["_ask"])["_needs_groups"]) == (always, always)
    async with chain.run():
        assert await chain.introspect("token") is None
    assert feed.server.requests_to()[0].form["groups"] == "true"


async def test_leases_hear_of_revocations_until_the_service_stops(feed: Feed) -> None:
    leases = Mock(spec=Listener, live=False)
    chain = chain_to(feed.server, leases, introspection_cache_s=0)
    assert isinstance(inner(chain), SingleFlight)
    tasks = len(asyncio.all_tasks())
    async with chain.run():
        await asyncio.to_thread(wait_until, lambda: leases.confirm.called)
    assert len(asyncio.all_tasks()) == tasks


async def test_the_feed_has_ended_when_the_chain_has(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []

    async def follow(_: RevocationFeed) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            for _step in range(50):
                await asyncio.sleep(0)
            ended.append(True)

    monkeypatch.setattr(RevocationFeed, "follow", follow)
    async with chain_to(feed.server).run():
        await asyncio.sleep(0)
    assert ended == [True]


@pytest.mark.parametrize(("signed", "media_type"), [(False, "json"), (True, "token-introspection+jwt")])
async def test_nobody_polls_the_feed_who_does_not_need_it(feed: Feed, signed: bool, media_type: str) -> None:
    chain = chain_to(feed.server, signed_introspection=signed, introspection_cache_s=0)
    async with chain.run():
        if not signed:
            assert await chain.introspect("token") is None
        else:
            with pytest.raises(IntrospectionUnavailableError):
                await chain.introspect("token")
    assert feed.polls == []
    assert feed.server.requests_to()[0].headers["accept"] == f"application/{media_type}"


def test_an_answer_is_at_most_a_quarter_of_a_second_old() -> None:
    assert JOIN_FOR_S == 0.25

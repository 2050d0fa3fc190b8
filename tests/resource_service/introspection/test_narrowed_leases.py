"""Open streams end within a second if their token loses scopes or groups (ID-4)."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from resource_service.introspection.cache import SETTLE_S
from resource_service.introspection.leases import Ending, Leases
from resource_service.principal import Principal
from shared.introspection import ActiveToken

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ID-4")]

TOKEN = ActiveToken(
    client_id="client", scopes=("read", "write"), audience=(), issuer="issuer", expires_at=9, grant_id="grant"
)


def _principal() -> Principal:
    """A caller whose token is valid: made when a test runs, which may be long after the import."""
    return Principal(
        client_id="client",
        scopes=("read", "write"),
        issuer="issuer",
        expires_at=int(time.time()) + 600,
        grant_id="grant",
    )


class Server:
    """Answers about the token; an open lease; and the feed, which covers it."""

    def __init__(self, *, groups: tuple[str, ...] = ()) -> None:
        self.answer = TOKEN
        self.introspected = asyncio.Event()
        self.now = 1_000.0
        self.endings: list[Ending] = []
        self.leases = Leases(self.introspect, time.time, lambda: self.now)
        self.leases.confirm(self.now)
        self.pass_time(2 * SETTLE_S)
        self.leases.open(
            replace(_principal(), groups=groups), "token", self.endings.append, checked_at=self.now
        )

    async def introspect(self, token: str) -> ActiveToken | None:
        self.introspected.set()
        return self.answer

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += 0.25
            self.leases.confirm(self.now)

    async def watched(self) -> None:
        """A second passes for the lease, and its watch runs."""
        self.pass_time(1)
        async with asyncio.timeout(5):
            await self.introspected.wait()
        await asyncio.sleep(0)  # the lease hears the answer


@pytest.mark.parametrize("grant_id", ["grant", None])
async def test_a_lease_ends_when_a_scope_of_its_request_is_gone(grant_id: str | None) -> None:
    server = Server()
    server.answer = replace(TOKEN, scopes=("read",))
    server.leases.change(grant_id)
    await server.watched()
    assert server.endings == [Ending.NARROWED]


async def test_a_token_is_checked_again_as_soon_as_a_change_is_announced_again() -> None:
    server = Server()
    server.leases.change("grant")
    await server.watched()
    server.answer = replace(TOKEN, scopes=("read",))
    server.introspected.clear()
    server.leases.change("grant")
    async with asyncio.timeout(5):
        await server.introspected.wait()  # while no time passes
    await asyncio.sleep(0)
    assert server.endings == [Ending.NARROWED]


async def test_a_lease_goes_on_when_nothing_of_it_has_changed() -> None:
    server = Server()
    server.answer = replace(TOKEN, scopes=("write", "read", "more"))
    server.leases.change("grant")
    await server.watched()
    assert (server.endings, len(server.leases)) == ([], 1)


@pytest.mark.parametrize(
    ("groups", "endings"),
    [(("dev",), [Ending.NARROWED]), ((), [Ending.NARROWED]), (("dev", "ops", "more"), []), (None, [])],
    ids=str,
)
async def test_a_lease_ends_when_a_group_of_its_person_is_gone(
    groups: tuple[str, ...] | None, endings: list[Ending]
) -> None:
    server = Server(groups=("dev", "ops"))
    server.answer = replace(TOKEN, groups=groups)
    server.leases.change("grant")
    await server.watched()
    assert server.endings == endings

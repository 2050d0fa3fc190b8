"""Clients of the official MCP SDK that call a tool all the time, and refresh their tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio import to_thread
from mcp import Client

from tests.e2e.sdk import SdkClient, call
from tests.flow import Person
from tests.servers import wait_until

PAUSE_S = 0.05
REFRESH_EVERY = 2
TIMEOUT_S = 120


@dataclass
class Caller:
    """One connected client.

    Attributes:
        calls: those that succeeded.
        failures: the other ones.
    """

    sdk: SdkClient
    client: Client
    calls: int = 0
    failures: list[str] = field(default_factory=list)

    async def work(self) -> None:
        """Call until cancelled; every other call needs a new access token first."""
        while True:
            if self.calls % REFRESH_EVERY == 0:
                self.sdk.believe_expired()
            try:
                await call(self.client, "whoami")
                self.calls += 1
            except Exception as error:  # noqa: BLE001 -- every failure counts
                self.failures.append(repr(error))
            await asyncio.sleep(PAUSE_S)


@dataclass
class Callers:
    """All clients.

    Attributes:
        each: every client, connected.
    """

    each: list[Caller]

    @property
    def failures(self) -> list[str]:
        return [failure for caller in self.each for failure in caller.failures]

    @property
    def calls(self) -> int:
        return sum(caller.calls for caller in self.each)

    @property
    def logins(self) -> int:
        return sum(len(caller.sdk.asked) for caller in self.each)

    @property
    def refreshes(self) -> int:
        exchanges = [exchange for caller in self.each for exchange in caller.sdk.exchanges]
        return sum(url.endswith("/token") for _, url, _ in exchanges) - len(self.each)

    async def go_on(self, times: int = REFRESH_EVERY) -> None:
        """Wait until every client has made so many more calls, successful or not."""
        goals = [_made(caller) + times for caller in self.each]

        def reached() -> bool:
            return all(_made(caller) >= goal for caller, goal in zip(self.each, goals, strict=True))

        await to_thread.run_sync(lambda: wait_until(reached, timeout_s=TIMEOUT_S))


def _made(caller: Caller) -> int:
    return caller.calls + len(caller.failures)


@asynccontextmanager
async def calling(mcp_url: str, number: int) -> AsyncIterator[Callers]:
    """Connect `number` clients, each logged in once, and let them call inside the context."""
    people = [Person(trust_env=False) for _ in range(number)]
    started = [asyncio.Event() for _ in people]
    callers: list[Caller] = []
    stop = asyncio.Event()

    async def live(person: Person, ready: asyncio.Event) -> None:
        # Of this revision: one that has not been answered in time would begin a session of the revision
        # before, which ends with its process.
        sdk = SdkClient(mcp_url, person, mode="2026-07-28")
        async with sdk.connected() as client:
            await client.list_tools()  # after the login
            callers.append(Caller(sdk, client))
            working = asyncio.create_task(callers[-1].work())
            ready.set()
            await stop.wait()
            working.cancel()
            await asyncio.wait([working])

    async with anyio.create_task_group() as tasks:
        try:
            for person, ready in zip(people, started, strict=True):
                tasks.start_soon(live, person, ready)
                await ready.wait()
            yield Callers(callers)
        finally:
            stop.set()
    for person in people:
        person.close()

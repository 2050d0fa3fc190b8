"""Turns: what one network has fetched, and one slow name, hold up nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from contextvars import Context

import pytest
from anyio import fail_after, wait_all_tasks_blocked

from auth_service.fetching import Fetcher, FetchError, Limits
from auth_service.fetching.fair_resolver import FOR_UNKNOWN, PER_NETWORK, FairResolver
from auth_service.fetching.turns import SPARE, Bounds, Turns, requesting_network
from auth_service.protocol.special_addresses import Address
from tests.certificates import Authority
from tests.sites import HERE, HOST, Site, document

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BOUND-5")]


class SlowNames:
    """Like the system's resolver on its threads: a slow look-up goes on when nobody waits for it."""

    def __init__(self) -> None:
        self.done = asyncio.Event()
        self.under_way: list[str] = []

    async def __call__(self, host: str, port: int) -> list[Address]:
        if "slow" not in host:
            return [HERE]
        self.under_way.append(host)
        await asyncio.shield(self.done.wait())
        return [HERE]


@pytest.fixture
async def names(anyio_backend: str) -> SlowNames:
    return SlowNames()


@pytest.fixture
def fetcher(authority: Authority, names: SlowNames) -> Iterator[Fetcher]:
    fetcher = Fetcher(
        loopback=True,
        ssl_context=authority.trusting(),
        resolve=names,
        limits=Limits(total_s=0.5, wait_s=0.5, at_once=64, per_network=8),
    )
    yield fetcher
    fetcher.close()


async def fetch(fetcher: Fetcher, network: str | None, url: str) -> object:
    """As a request from `network` has something fetched."""
    requesting_network.set(network)
    return await fetcher.fetch_json(url)


async def test_slow_names_of_one_network_hold_up_no_other(
    fetcher: Fetcher, names: SlowNames, stranger: Site
) -> None:
    stranger.answers["/document"] = document([1])
    flood = [
        asyncio.create_task(fetch(fetcher, "192.0.2.1/32", f"https://slow-{n}.example/")) for n in range(200)
    ]
    await asyncio.sleep(0)
    url = f"https://{HOST}:{stranger.port}/document"
    assert await asyncio.create_task(fetch(fetcher, "198.51.100.1/32", url)) == [1]
    outcomes = await asyncio.gather(*flood, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {FetchError}
    # They have given up, and what they began still takes turns of their own network, and of no other.
    assert len(names.under_way) == PER_NETWORK
    assert await asyncio.create_task(fetch(fetcher, "198.51.100.1/32", url)) == [1]
    with pytest.raises(FetchError):
        await asyncio.create_task(fetch(fetcher, "192.0.2.1/32", url))
    names.done.set()
    await wait_all_tasks_blocked()
    assert await asyncio.create_task(fetch(fetcher, "192.0.2.1/32", url)) == [1]


async def test_a_slow_name_is_looked_up_once_for_all_who_need_it(names: SlowNames) -> None:
    resolve = FairResolver(names)
    asking = [asyncio.create_task(resolve("slow.example", 443)) for _ in range(50)]
    await wait_all_tasks_blocked()
    assert names.under_way == ["slow.example"]
    names.done.set()
    assert await asyncio.gather(*asking) == [[HERE]] * 50


async def test_requests_of_no_known_network_share_a_part_of_the_turns(names: SlowNames) -> None:
    resolve = FairResolver(names)
    # In a context of their own: an application that an earlier test called in this process may have named a
    # network, and no two requests share a context in a server.
    asking = [asyncio.create_task(resolve(f"slow-{n}.example", 443), context=Context()) for n in range(100)]
    with fail_after(10):
        while len(names.under_way) < FOR_UNKNOWN:  # noqa: ASYNC110 -- threads begin them, when they like
            await asyncio.sleep(0.01)
    await wait_all_tasks_blocked()
    assert len(names.under_way) == FOR_UNKNOWN
    for task in asking:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    names.done.set()


async def test_the_operators_urls_have_turns_of_their_own(
    fetcher: Fetcher, names: SlowNames, stranger: Site
) -> None:
    stranger.answers["/document"] = document([1])
    apart = fetcher.apart()
    flood = [
        asyncio.create_task(fetch(fetcher, f"192.0.2.{n}/32", f"https://slow-{n}.example/"))
        for n in range(200)
    ]
    await asyncio.sleep(0)
    assert await apart.fetch_json(f"https://{HOST}:{stranger.port}/document") == [1]
    await asyncio.gather(*flood, return_exceptions=True)
    names.done.set()
    apart.close()


async def test_a_slow_site_holds_up_requests_to_itself_alone() -> None:
    turns, asking, done = Turns(Bounds(64, 32, 64, 2)), list[str](), asyncio.Event()

    async def ask(host: str, network: str) -> None:
        requesting_network.set(network)
        async with turns.taken(host):
            asking.append(host)
            await done.wait()

    slow = [asyncio.create_task(ask("slow.example", f"192.0.2.{n}/32")) for n in range(50)]
    await wait_all_tasks_blocked()
    assert asking == ["slow.example"] * 2
    other = asyncio.create_task(ask("other.example", "198.51.100.1/32"))
    await wait_all_tasks_blocked()
    assert asking.count("other.example") == 1
    done.set()
    await asyncio.gather(*slow, other)


async def hold(turns: Turns, network: str | None, host: str) -> None:
    """Hold a slot, and never let go."""
    requesting_network.set(network)
    async with turns.taken(host):
        await asyncio.Event().wait()


async def release_all(holders: list[asyncio.Task[None]]) -> None:
    """Let go of all slots, and of all places in the queue."""
    for holder in holders:
        holder.cancel()
    await asyncio.gather(*holders, return_exceptions=True)


@pytest.mark.parametrize("networks", [8, 30, 63])
async def test_requests_that_never_end_leave_a_slot_to_a_network_without_any(networks: int) -> None:
    turns = Turns(Bounds(at_once=64, unknown=32, per_network=8, per_host=8))
    flood = [
        asyncio.create_task(hold(turns, f"192.0.2.{n}/32", f"{n}-{each}.example"))
        for each in range(20)
        for n in range(networks)
    ]
    await wait_all_tasks_blocked()
    requesting_network.set("198.51.100.1/32")
    async with turns.taken("honest.example", wait_s=0.1):
        pass
    await release_all(flood)
    async with turns.taken("honest.example", wait_s=0.1):
        pass


async def test_a_free_slot_goes_to_the_network_that_holds_least() -> None:
    turns, order = Turns(Bounds(at_once=64, unknown=32, per_network=8, per_host=1)), list[str]()

    async def once(network: str) -> None:
        requesting_network.set(network)
        async with turns.taken("shared.example"):
            order.append(network)

    elsewhere = asyncio.create_task(hold(turns, "busy", "own.example"))
    first = asyncio.create_task(hold(turns, "first", "shared.example"))
    await wait_all_tasks_blocked()
    waiting = [asyncio.create_task(once(network)) for network in ("busy", "other", "leaving")]
    await wait_all_tasks_blocked()
    await release_all([waiting.pop(), first])
    await asyncio.gather(*waiting)
    assert order == ["other", "busy"]
    await release_all([elsewhere])


async def test_the_time_of_a_request_begins_with_its_slot(
    authority: Authority, names: SlowNames, stranger: Site
) -> None:
    fetcher = Fetcher(
        loopback=True,
        ssl_context=authority.trusting(),
        resolve=names,
        limits=Limits(total_s=0.4, wait_s=5, at_once=2, per_network=1),
    )
    stranger.answers["/document"] = document([1])
    slow = asyncio.create_task(fetch(fetcher, "192.0.2.1/32", "https://slow.example/"))
    await wait_all_tasks_blocked()
    url = f"https://{HOST}:{stranger.port}/document"
    assert await asyncio.create_task(fetch(fetcher, "192.0.2.1/32", url)) == [1]
    with pytest.raises(FetchError):
        await slow
    names.done.set()
    fetcher.close()


async def test_without_a_slot_nothing_is_sent_and_the_error_says_so(
    authority: Authority, names: SlowNames, stranger: Site
) -> None:
    fetcher = Fetcher(
        loopback=True,
        ssl_context=authority.trusting(),
        resolve=names,
        limits=Limits(total_s=0.4, wait_s=0.1, at_once=SPARE, per_network=1),
    )
    slow = asyncio.create_task(fetch(fetcher, "192.0.2.1/32", "https://slow.example/"))
    await wait_all_tasks_blocked()
    with pytest.raises(FetchError, match="too many requests") as error:
        await asyncio.create_task(fetch(fetcher, "192.0.2.1/32", f"https://{HOST}:{stranger.port}/document"))
    assert (error.value.passing, error.value.sent) == (True, False)
    assert stranger.contacts() == []
    with pytest.raises(FetchError):
        await slow
    names.done.set()
    fetcher.close()

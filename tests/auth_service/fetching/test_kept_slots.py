"""The last slots are for networks that used little, and for hosts that have responded before."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest
from anyio import fail_after, wait_all_tasks_blocked

from auth_service.fetching import Fetcher, FetchError, Limits
from auth_service.fetching.recent_use import ProvenHosts, RecentUse
from auth_service.fetching.turns import Bounds, Turns, requesting_network
from auth_service.protocol.special_addresses import Address
from tests.certificates import Authority
from tests.sites import HERE, HOST, Site, document

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("BOUND-5")]

BOUNDS = Bounds(at_once=16, unknown=8, per_network=4, per_host=4)
HONEST = "198.51.100.1/32"


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Everywhere:
    """A resolver for which every name is on this machine."""

    async def __call__(self, host: str, port: int) -> list[Address]:
        return [HERE]


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that accepts connections, and never responds."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def fetcher(authority: Authority) -> Iterator[Fetcher]:
    limits = Limits(total_s=0.6, wait_s=0.3, at_once=16, per_network=4, per_host=4)
    fetcher = Fetcher(loopback=True, ssl_context=authority.trusting(), resolve=Everywhere(), limits=limits)
    yield fetcher
    fetcher.close()


async def fetch(fetcher: Fetcher, network: str, url: str) -> object:
    """As a request from `network` has something fetched."""
    requesting_network.set(network)
    return await fetcher.fetch_json(url)


async def flood(fetcher: Fetcher, number: int, port: int, waited: set[int]) -> None:
    """Request documents of a silent server all the time; note in `waited` that it was waited for."""
    url = f"https://slow-{number}.example:{port}/"
    while True:
        with pytest.raises(FetchError) as error:
            await fetch(fetcher, f"192.0.2.{number}/32", url)
        if "in time" in str(error.value):
            waited.add(number)


async def end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel tasks."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_networks_that_hold_slots_all_the_time_leave_some_to_others(
    fetcher: Fetcher, silent: int, stranger: Site
) -> None:
    stranger.answers["/document"] = document([1])
    waited = set[int]()
    attack = [asyncio.create_task(flood(fetcher, number, silent, waited)) for number in range(40)]
    with fail_after(60):
        while len(waited) < len(attack):  # noqa: ASYNC110 -- each has then held a slot for a while
            await asyncio.sleep(0.05)
    for number in range(3):
        url = f"https://{HOST}:{stranger.port}/document"
        assert await asyncio.create_task(fetch(fetcher, f"198.51.100.{number}/32", url)) == [1]
    await end(attack)


async def test_networks_without_use_leave_slots_for_hosts_that_have_responded(
    fetcher: Fetcher, silent: int, stranger: Site
) -> None:
    stranger.answers["/document"] = document([1])
    url = f"https://{HOST}:{stranger.port}/document"
    assert await asyncio.create_task(fetch(fetcher, HONEST, url)) == [1]
    attack = [asyncio.create_task(flood(fetcher, number, silent, set())) for number in range(16)]
    await wait_all_tasks_blocked()
    assert await asyncio.create_task(fetch(fetcher, HONEST, url)) == [1]
    other = f"https://other.example:{stranger.port}/document"
    with pytest.raises(FetchError, match="too many requests"):
        await asyncio.create_task(fetch(fetcher, HONEST, other))
    await end(attack)


async def hold(turns: Turns, network: str, host: str) -> None:
    """Hold a slot, and never let go."""
    requesting_network.set(network)
    async with turns.taken(host):
        await asyncio.Event().wait()


async def admits(turns: Turns, network: str | None, host: str = "other.example") -> bool:
    """Whether a request gets a slot at once."""
    requesting_network.set(network)
    try:
        async with turns.taken(host, wait_s=0):
            return True
    except TimeoutError:
        return False


async def test_use_is_forgotten() -> None:
    clock = Clock()
    turns = Turns(BOUNDS, little_s=2, steady_clock=clock)
    heavy = asyncio.create_task(hold(turns, "heavy", "slow.example"))
    await wait_all_tasks_blocked()
    clock.now += 5
    await end([heavy])
    assert await admits(turns, "heavy")  # while many are free
    holders = [asyncio.create_task(hold(turns, f"n{n}", f"{n}.example")) for n in range(12)]
    await wait_all_tasks_blocked()
    assert [await admits(turns, network) for network in ("heavy", "other", None)] == [False, True, True]
    assert not await admits(turns, "n1")  # it holds one already
    clock.now += 89
    assert not await admits(turns, "heavy")
    clock.now += 2
    assert await admits(turns, "heavy")
    await end(holders)


async def test_proven_hosts_have_a_limited_number_of_further_slots() -> None:
    turns = Turns(BOUNDS, steady_clock=Clock())
    holders = [asyncio.create_task(hold(turns, f"n{n}", f"{n}.example")) for n in range(16)]
    await wait_all_tasks_blocked()
    assert not await admits(turns, "other", "proven.example")
    turns.proven.note("proven.example", 0.1)
    for number in range(BOUNDS.proven):
        assert await admits(turns, "other", "proven.example")
        holders.append(asyncio.create_task(hold(turns, f"p{number}", "proven.example")))
        await wait_all_tasks_blocked()
    assert not await admits(turns, "other", "proven.example")
    await end(holders)


def test_a_host_that_did_not_respond_quickly_is_not_proven() -> None:
    hosts = ProvenHosts(at_most=2)
    for took_s, is_proven in ((0.5, True), (1.5, False), (0.5, True), (None, False)):
        hosts.note("a", took_s)
        assert ("a" in hosts) is is_proven
    for host in ("a", "b", "a", "c"):
        hosts.note(host, 0.1)
    assert [host in hosts for host in "abc"] == [True, False, True]


def test_the_use_of_a_bounded_number_of_networks_is_kept() -> None:
    use = RecentUse(at_most=2)
    use.add("a", 3, 10)
    assert (use.of("a", 10), use.of("a", 40), use.of("a", 1_000)) == (3, 2, 0)
    use.add("b", 1, 10)
    use.add("a", 1, 10)
    use.add("c", 1, 10)
    assert [use.of(network, 10) for network in "abc"] == [4, 0, 1]

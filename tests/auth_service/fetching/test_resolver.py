"""The system's resolver, kept away from everything else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

import pytest

from auth_service.fetching.resolver import SystemResolver

pytestmark = pytest.mark.anyio


@pytest.fixture
def resolve() -> Iterator[SystemResolver]:
    resolver = SystemResolver()
    yield resolver
    resolver.close()


async def test_this_machine_is_found(resolve: SystemResolver) -> None:
    assert set(await resolve("localhost", 80)) <= {IPv4Address("127.0.0.1"), IPv6Address("::1")}


async def test_an_address_resolves_to_itself(resolve: SystemResolver) -> None:
    assert await resolve("::1", 443) == [IPv6Address("::1")]


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".invalid"])
async def test_an_invalid_name_raises_an_os_error(resolve: SystemResolver, host: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011 -- what it says is the system's
        await resolve(host, 443)


async def test_names_are_looked_up_even_while_every_other_thread_is_busy(resolve: SystemResolver) -> None:
    done = threading.Event()
    loop = asyncio.get_running_loop()
    busy = [loop.run_in_executor(None, done.wait) for _ in range(64)]
    async with asyncio.timeout(5):
        assert await resolve("127.0.0.1", 80) == [IPv4Address("127.0.0.1")]
    done.set()
    await asyncio.gather(*busy)

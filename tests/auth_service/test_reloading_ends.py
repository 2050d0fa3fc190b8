"""A server that ends while it takes over declared settings closes everything (ID-12)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.applications import Starlette

from auth_service import reloading
from auth_service.declarative.stored_settings import DeclaredSettings
from auth_service.openapi import DescribedApp
from auth_service.reloading import ReloadingApp
from auth_service.settings import AuthSettings

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("ID-12")]


class Declared:
    """Declared settings, which change when a test says so."""

    def __init__(self) -> None:
        self.version = b"1"

    async def seal_again(self) -> None: ...

    async def stored(self) -> bytes:
        return self.version

    async def all(self) -> None: ...


class Applications:
    """Creates applications, and notes which of them were closed.

    Attributes:
        starting: awaited by each application when it starts.
        closing: raised by each application when it ends.
    """

    def __init__(self) -> None:
        self.created, self.closed = 0, list[object]()
        self.starting: Callable[[], Awaitable[object]] | None = None
        self.closing: Exception | None = None

    def create(self, _: AuthSettings) -> DescribedApp:
        self.created += 1
        number, closing = self.created, self.closing

        @asynccontextmanager
        async def lifespan(_: object) -> AsyncIterator[None]:
            try:
                if self.starting is not None:
                    await self.starting()
                yield
            finally:
                self.closed.append(number)
                if closing is not None:
                    raise closing

        return cast(
            "DescribedApp", SimpleNamespace(router=SimpleNamespace(lifespan_context=lifespan), direct=None)
        )

    async def close(self) -> None:
        self.closed.append("store")


@pytest.fixture
def applications(monkeypatch: pytest.MonkeyPatch) -> Applications:
    monkeypatch.setattr(reloading, "LOOK_EVERY_S", 0.001)
    monkeypatch.setattr(reloading, "merged", lambda settings, _: settings)
    return Applications()


def reloading_app(applications: Applications, declared: Declared) -> ReloadingApp:
    settings, source = cast("AuthSettings", None), cast("DeclaredSettings", declared)
    clock: Any = nullcontext
    return ReloadingApp(settings, source, applications.create, clock=clock, close=applications.close)


async def test_an_application_that_starts_when_the_server_ends_is_closed(applications: Applications) -> None:
    declared, starts, proceed = Declared(), asyncio.Event(), asyncio.Event()

    async def start() -> None:
        starts.set()
        await proceed.wait()

    lifespan = reloading_app(applications, declared)._lifespan(Starlette())  # noqa: SLF001
    await lifespan.__aenter__()
    applications.starting, declared.version = start, b"2"
    await asyncio.wait_for(starts.wait(), 30)
    end = asyncio.create_task(lifespan.__aexit__(None, None, None))
    await asyncio.sleep(0)
    proceed.set()
    await end
    assert applications.closed == [2, 1, "store"]


async def test_an_application_that_fails_to_close_does_not_keep_the_others(
    applications: Applications,
) -> None:
    declared, applications.closing = Declared(), RuntimeError("cannot be closed")
    server = reloading_app(applications, declared)
    lifespan = server._lifespan(Starlette())  # noqa: SLF001
    await lifespan.__aenter__()
    applications.closing, declared.version = None, b"2"
    async with asyncio.timeout(30):
        while not server._draining:  # noqa: SLF001, ASYNC110 -- there is nothing to wait for
            await asyncio.sleep(0.001)
    with pytest.raises(RuntimeError, match="cannot be closed"):
        await lifespan.__aexit__(None, None, None)
    assert applications.closed == [1, 2, "store"]

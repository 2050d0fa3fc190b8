"""Serves requests with the settings that a file has declared, and another application when they change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from auth_service.declarative.merged_settings import merged
from auth_service.declarative.stored_settings import DeclaredSettings
from auth_service.openapi import DescribedApp
from auth_service.settings import AuthSettings
from shared.cancellation import cancel_and_wait
from shared.in_background import in_background
from shared.logs import get_logger
from shared.storage.interface import StoreUnavailableError

_log = get_logger(__name__)

LOOK_EVERY_S = 0.5
DRAIN_S = 60.0
"""How long a replaced application may answer its last requests, in seconds; far longer than a poll."""


class Generation:
    """An application that serves requests from its start until it is retired."""

    def __init__(self, app: DescribedApp) -> None:
        self.app = app
        self._retired = asyncio.Event()
        self._started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # A task of its own: what the lifespan opens must be closed by the task that opened it.
        self._lifespan = asyncio.create_task(self._live())

    async def start(self) -> None:
        """Return once the application serves; raise what prevents that, after closing the application."""
        try:
            await asyncio.wait([self._started, self._lifespan], return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            with suppress(Exception):  # the first error counts
                await self.retire()
            raise
        if not self._started.done():
            self._lifespan.result()

    async def retire(self) -> None:
        """Close the application."""
        self._retired.set()
        await self._lifespan

    async def _live(self) -> None:
        async with self.app.router.lifespan_context(self.app):
            self._started.set_result(None)
            await self._retired.wait()


class ReloadingApp:
    """The application for uvicorn.

    Args:
        create: creates the application for settings; its shutdown leaves the store open.
        clock: keeps the clock of the applications right within its context.
        close: closes the store.

    Attributes:
        direct: that of the current application, for `DirectProtocol`.
    """

    direct: ASGIApp | None = None

    def __init__(
        self,
        settings: AuthSettings,
        declared: DeclaredSettings,
        create: Callable[[AuthSettings], DescribedApp],
        *,
        clock: Callable[[], AbstractAsyncContextManager[None]],
        close: Callable[[], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._declared = declared
        self._create = create
        self._clock = clock
        self._close = close
        self._current: Generation | None = None
        self._read: bytes | None = None
        self._draining: dict[asyncio.Task[None], Generation] = {}
        self._shell = Starlette(lifespan=self._lifespan)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._current is None:
            await self._shell(scope, receive, send)
        else:
            await self._current.app(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        try:
            async with self._clock():
                await self._declared.seal_again()
                await self._reload()
                async with in_background(self._watch()):
                    yield
        finally:
            await self._shut_down()

    async def _shut_down(self) -> None:
        generations = [*([self._current] if self._current else []), *self._draining.values()]
        # Each step is made, also after one that fails: the last one pushed is the first.
        async with AsyncExitStack() as steps:
            steps.push_async_callback(self._close)
            steps.push_async_callback(cancel_and_wait, *self._draining)
            for generation in generations:
                steps.push_async_callback(generation.retire)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                if await self._declared.stored() != self._read:
                    await self._reload()
            except StoreUnavailableError:
                continue
            except Exception as error:  # noqa: BLE001 -- the application that runs goes on
                _log.error("declared settings not read", reason=f"{type(error).__name__}: {error}")

    async def _reload(self) -> None:
        """Serve the settings of this moment from now on."""
        self._read = await self._declared.stored()
        following = Generation(self._create(merged(self._settings, await self._declared.all())))
        await following.start()
        previous, self._current, self.direct = self._current, following, following.app.direct
        if previous is not None:
            _log.info("declared settings changed")
            task = asyncio.create_task(_retire_later(previous))
            self._draining[task] = previous
            task.add_done_callback(self._draining.pop)


async def _retire_later(generation: Generation) -> None:
    await asyncio.sleep(DRAIN_S)
    await generation.retire()

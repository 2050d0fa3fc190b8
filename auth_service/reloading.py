"""Serves requests with the settings that a file has declared, and another application when they change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from auth_service.declarative.merged_settings import merged
from auth_service.declarative.stored_settings import DeclaredSettings
from auth_service.settings import AuthSettings
from auth_service.storage.interface import StoreUnavailableError
from shared.logs import get_logger

_log = get_logger(__name__)

LOOK_EVERY_S = 0.5
DRAIN_S = 60.0
"""How long a replaced application may take to answer its last requests, in seconds."""


class Generation:
    """An application that serves requests from its start until it is retired."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._requests = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._retired = asyncio.Event()
        self._started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # A task of its own: what the lifespan opens must be closed by the task that opened it.
        self._lifespan = asyncio.create_task(self._live())

    async def start(self) -> None:
        """Return once the application serves; raise what prevents that."""
        await asyncio.wait([self._started, self._lifespan], return_when=asyncio.FIRST_COMPLETED)
        if not self._started.done():
            self._lifespan.result()

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        self._requests += 1
        self._idle.clear()
        try:
            await self._app(scope, receive, send)
        finally:
            self._requests -= 1
            if not self._requests:
                self._idle.set()

    async def retire(self, *, drain_s: float = 0) -> None:
        """Close the application once its requests are answered, or after `drain_s` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(drain_s):
                await self._idle.wait()
        self._retired.set()
        await self._lifespan

    async def _live(self) -> None:
        async with self._app.router.lifespan_context(self._app):
            self._started.set_result(None)
            await self._retired.wait()


class ReloadingApp:
    """The application for uvicorn.

    Args:
        create: creates the application for settings; its shutdown leaves the store open.
        close: closes the store.
    """

    def __init__(
        self,
        settings: AuthSettings,
        declared: DeclaredSettings,
        create: Callable[[AuthSettings], FastAPI],
        *,
        close: Callable[[], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._declared = declared
        self._create = create
        self._close = close
        self._current: Generation | None = None
        self._read: bytes | None = None
        self._draining: dict[asyncio.Task[None], Generation] = {}
        self._shell = Starlette(lifespan=self._lifespan)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._current is None:
            await self._shell(scope, receive, send)
        else:
            await self._current.handle(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        try:
            await self._declared.seal_again()
            await self._reload()
            watch = asyncio.create_task(self._watch())
            yield
            watch.cancel()
        finally:
            await self._shut_down()

    async def _shut_down(self) -> None:
        generations = [*self._draining.values(), *([self._current] if self._current else [])]
        for generation in generations:
            await generation.retire()
        for task in self._draining:
            task.cancel()
        await self._close()

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
        previous, self._current = self._current, following
        if previous is not None:
            _log.info("declared settings changed")
            task = asyncio.create_task(previous.retire(drain_s=DRAIN_S))
            self._draining[task] = previous
            task.add_done_callback(self._draining.pop)

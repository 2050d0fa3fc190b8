"""Reads states that nobody announces, once a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NoReturn

from shared.in_background import in_background
from shared.logs import get_logger

EVERY_S = 1.0

Sample = Callable[[], Awaitable[None] | None]

_log = get_logger(__name__)


class Sampler:
    """Calls functions that measure something, for as long as its context lasts."""

    def __init__(self) -> None:
        self._samples: list[Sample] = []

    def add(self, sample: Sample) -> None:
        """Call `sample` every second. It may raise: it is called again."""
        self._samples.append(sample)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Sample in the background."""
        async with in_background(self._follow()):
            yield

    async def _follow(self) -> NoReturn:
        while True:
            for sample in self._samples:
                await self._take(sample)
            await asyncio.sleep(EVERY_S)

    async def _take(self, sample: Sample) -> None:
        try:
            waiting = sample()
            if waiting is not None:
                await waiting
        except Exception as error:  # noqa: BLE001 -- a measurement must not end the others
            _log.debug("a measurement failed", reason=f"{type(error).__name__}: {error}")

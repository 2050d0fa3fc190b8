"""Checks the store again and again, and logs what changes: settings, memory, replicas and clocks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn

from shared.logs import get_logger
from shared.storage.interface import Store, StoreUnavailableError

CHECK_EVERY_S = 180.0

_ADDRESS = re.compile(r"\A\S+:\d+: ")
"""The beginning of a complaint about one of several servers."""

_log = get_logger(__name__)


class StoreWatch:
    """The misconfigurations of the store, as of the last check.

    Attributes:
        complaints: in sentences for the operator.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.complaints: tuple[str, ...] = ()

    @property
    def public_complaints(self) -> list[str]:
        """The complaints without the addresses of servers, each once."""
        return list(dict.fromkeys(_ADDRESS.sub("", complaint) for complaint in self.complaints))

    async def check(self) -> None:
        """Check once, and log each complaint that is new, and each that is settled.

        Raises:
            StoreUnavailableError: the store does not respond.
        """
        complaints = tuple(await self._store.misconfigurations())
        for complaint in _without(complaints, self.complaints):
            _log.warning("the store may lose acknowledged writes", complaint=complaint)
        for complaint in _without(self.complaints, complaints):
            _log.info("a problem of the store is settled", complaint=complaint)
        self.complaints = complaints

    async def watch(self, *also: Callable[[], Awaitable[None]], every_s: float = CHECK_EVERY_S) -> NoReturn:
        """Check every few minutes. While the store does not respond, the requests say so.

        Args:
            also: called after each check.
        """
        while True:
            await asyncio.sleep(every_s)
            for each in (self.check, *also):
                try:
                    await each()
                except StoreUnavailableError:
                    continue
                except Exception:  # noqa: BLE001 -- the next check may succeed
                    _log.exception("the store was not checked")


def _without(complaints: Sequence[str], others: Sequence[str]) -> list[str]:
    return [complaint for complaint in complaints if complaint not in others]

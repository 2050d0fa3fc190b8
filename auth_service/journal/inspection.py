"""Verifies the journal once a day, for operators who are to learn of a change by metrics or an alert."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NoReturn

from auth_service.journal.reader import JournalReader
from shared.in_background import in_background
from shared.journal.verification import Keys, Problem
from shared.logs import get_logger

FIRST_AFTER_S = 60.0
EVERY_S = 86_400.0
"""A verification reads the whole journal."""

_log = get_logger(__name__)


class JournalInspection:
    """Looks for changes of the journal.

    Args:
        report: called with each problem once.

    Attributes:
        problems: those of the last inspection.
    """

    def __init__(
        self, reader: JournalReader, public_keys: Keys, *, report: Callable[[Problem], None] | None = None
    ) -> None:
        self._reader = reader
        self._public_keys = public_keys
        self._report = report
        self.problems: frozenset[Problem] = frozenset()

    async def inspect(self) -> None:
        """Verify the journal, and log what is new.

        Raises:
            StoreUnavailableError: the store does not respond.
        """
        verified = await self._reader.verify(self._public_keys)
        problems = frozenset(verified.problems)
        for problem in sorted(problems - self.problems):
            _log.error(
                "the journal was changed",
                chain=problem.writer,
                sequence=problem.sequence,
                finding=problem.finding.value,
                witness=problem.witness or None,
            )
            if self._report is not None:
                self._report(problem)
        self.problems = problems

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Inspect in the background."""
        async with in_background(self._follow()):
            yield

    async def _follow(self) -> NoReturn:
        wait_s = FIRST_AFTER_S
        while True:
            await asyncio.sleep(wait_s)
            wait_s = EVERY_S
            try:
                await self.inspect()
            except Exception as error:  # noqa: BLE001 -- the next inspection may succeed
                _log.warning("the journal was not verified", reason=f"{type(error).__name__}: {error}")

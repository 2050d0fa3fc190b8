"""Reports pinned and held definitions to the authorization server, and takes what is approved there.

A report is sent when something changes here, when the revocation feed says that approvals have changed, and
again after `REPEAT_S`, because the authorization server forgets the reports of processes that have ended.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn

import anyio.to_thread

from resource_service.errors import Refusal
from resource_service.pins.definitions import Pins
from resource_service.pins.keeper import PinKeeper
from resource_service.pins.reports import reports
from shared.http_exchange import Answer
from shared.in_background import in_background
from shared.json_text import parse_json
from shared.logs import get_logger
from shared.pinned_definitions import (
    Approvals,
    DefinitionReport,
    approvals_from_wire,
)

LOOK_EVERY_S = 0.5
REPEAT_S = 600.0
RETRY_S = 5.0
ABSENT_RETRY_S = 30.0
"""When to try again at a server without the endpoint, or without the announced version."""
FAULT_RETRY_S = 60.0
"""When to try again to report a resource whose report has a fault."""

_RETRY_AFTER_S = {400: 0.0, 404: ABSENT_RETRY_S, 413: 0.0}
"""By status; 400 and 413 are about one report."""

Post = Callable[[bytes], Awaitable[Answer]]
"""Sends a report and returns the answer; raises a `Refusal` if there is none."""

_log = get_logger(__name__)


class AnnouncedApprovals:
    """The version of what is approved, as the revocation feed announced it last.

    Attributes:
        version: empty while nothing is approved, or if the server does not say.
    """

    def __init__(self) -> None:
        self.version = ""
        self._changed = asyncio.Event()

    def announce(self, version: str) -> None:
        """Take the version of a response of the feed."""
        if version != self.version:
            self.version = version
            self._changed.set()

    async def wait(self, at_most_s: float) -> None:
        """Wait until the version changes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self._changed.wait()
        self._changed.clear()


@dataclass(slots=True, kw_only=True)
class _Reported:
    """The last report about a resource.

    Attributes:
        pins, held: the objects that were reported; they are replaced, never changed.
        version: of the approvals in the response.
        announced: the version that was announced when the report was sent.
        again_at: when to ask again for an announced version that the response did not have; `wait_s` before
            that, longer each time.
        due_at: when to report again in any case, in monotonic seconds.
        retry_at: when to try again after a fault; until then there is nothing to report.
    """

    keeper: PinKeeper
    pins: Pins = field(default_factory=Pins)
    held: Pins = field(default_factory=Pins)
    version: str = ""
    announced: str = ""
    wait_s: float = LOOK_EVERY_S
    again_at: float = float("-inf")
    due_at: float = float("inf")
    retry_at: float = float("-inf")

    def is_due(self, announced: str, now: float) -> bool:
        """Whether there is something to report, or to ask for."""
        if now < self.retry_at:
            return False
        changed = (self.pins, self.held) != (self.keeper.pins, self.keeper.held)
        is_behind = self.version != announced and (announced != self.announced or now >= self.again_at)
        return changed or is_behind or now >= self.due_at

    def answered(self, announced: str, now: float) -> None:
        """Note a response to a report that was sent when `announced` was the announced version."""
        stays_behind = self.version != announced and announced == self.announced
        self.wait_s = min(2 * self.wait_s, ABSENT_RETRY_S) if stays_behind else LOOK_EVERY_S
        self.announced, self.again_at = announced, now + self.wait_s


class DefinitionReporter:
    """Reports the pins of all resources of this process.

    Args:
        announced: says when approvals have changed.
        monotonic: a monotonic clock in seconds.
    """

    def __init__(
        self,
        post: Post,
        keepers: Sequence[PinKeeper],
        announced: AnnouncedApprovals,
        monotonic: Callable[[], float],
    ) -> None:
        self._post = post
        self._announced = announced
        self._now = monotonic
        self._process = secrets.token_urlsafe(12)
        self._reported = [_Reported(keeper=keeper) for keeper in keepers]
        self._retry_at = float("-inf")
        self._warned = False

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Report in the background, for the length of the context."""
        async with in_background(self._follow()):
            yield

    async def _follow(self) -> NoReturn:
        while True:
            try:
                await self.report()
            except Exception as error:  # noqa: BLE001 -- reports must not end before the service does
                _log.error("pinned definitions were not reported", exc_info=error)
                self._retry_at = self._now() + RETRY_S
            await self._announced.wait(LOOK_EVERY_S)

    async def report(self) -> None:
        """Report each resource of which something has changed."""
        for reported in self._reported:
            now = self._now()
            if now < self._retry_at:
                return
            if not reported.is_due(self._announced.version, now):
                continue
            try:
                is_reported = await self._report(reported)
            except Exception as error:  # noqa: BLE001 -- the other resources are reported all the same
                _log.error(
                    "pinned definitions were not reported", resource=reported.keeper.resource, exc_info=error
                )
                reported.retry_at = now + FAULT_RETRY_S
                continue
            if not is_reported and self._now() >= self._retry_at:
                reported.retry_at = now + FAULT_RETRY_S  # it alone is refused

    async def _report(self, reported: _Reported) -> bool:
        keeper, announced = reported.keeper, self._announced.version
        pins, held = keeper.pins, keeper.held
        # In a thread: the comparison of long texts must not delay requests.
        sent = await anyio.to_thread.run_sync(
            lambda: reports(keeper.resource, self._process, base=keeper.base, pins=pins, held=held)
        )
        for report in sent:
            approvals = await self._exchange(report)
            if approvals is None:
                return False
            reported.version = approvals.version
            keeper.take_approved(approvals.approved)
        reported.pins, reported.held, reported.due_at = pins, held, self._now() + REPEAT_S
        reported.answered(announced, self._now())
        self._warned = False
        return True

    async def _exchange(self, report: DefinitionReport) -> Approvals | None:
        try:
            answer = await self._post(report.to_wire())
        except Refusal as refusal:
            self._failed(str(refusal), RETRY_S)
            return None
        if answer.status != 200:
            self._failed(f"status {answer.status}", _RETRY_AFTER_S.get(answer.status, RETRY_S))
            return None
        try:
            document: Any = parse_json(answer.body)
            return approvals_from_wire(document)
        except ValueError:
            self._failed("the answer is malformed", RETRY_S)
            return None

    def _failed(self, reason: str, retry_s: float) -> None:
        """Note that a report failed; none is sent for `retry_s`, 0 if the others may be accepted."""
        self._retry_at = self._now() + retry_s
        if not self._warned:
            self._warned = True
            _log.info("pinned definitions are not reported to the authorization server", reason=reason)

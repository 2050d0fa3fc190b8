"""Applies the limits of a policy to the requests of one resource (GW-5)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from resource_service.errors import Refusal, limit_exceeded, limits_unknown
from resource_service.limits.counted_calls import CountedCalls
from resource_service.limits.counts import Counter, Counts
from resource_service.limits.slots import Slots
from resource_service.policy.limits import DAY_S, Limit, Limits, Use, explained, uses
from resource_service.principal import Principal
from shared.clock import Clock, steady_clock
from shared.storage import StoreUnavailableError

Uses = Mapping[Use, int]

MAX_NAMES = 1_000
"""Names of tools and prompts that one person can have counted separately in a window."""

RACES_S = (0.02, 0.05, 0.1, 0.2)
"""Waits for a slot. A client that makes one call after another can be faster than the end of a slot."""

DAY_SLACK_S = 3_600
"""How long the count of a day is kept after it: the clocks of replicas may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitKeeper:
    """Counts the calls to one resource.

    Attributes:
        resource: its URL, which the names of its counts begin with.
        clock: determines the day.
    """

    resource: str
    counts: Counts
    slots: Slots
    clock: Clock

    async def admit(
        self, limits: Limits, principal: Principal, messages: Sequence[object]
    ) -> CountedCalls | None:
        """Count the calls among `messages`; None if no limit covers any of them.

        Raises:
            Refusal: a limit is reached, or the store does not answer. Nothing is counted then.
        """
        met = uses(limits, principal, messages)
        if not met:
            return None
        request = CountedCalls(self.counts, self.slots, steady_clock)
        try:
            await self._admit(request, limits, principal, met)
        except BaseException as error:
            request.end()
            await request.give_back()
            if isinstance(error, StoreUnavailableError):
                raise limits_unknown(str(error)) from error
            raise
        return request

    async def _admit(self, request: CountedCalls, limits: Limits, principal: Principal, met: Uses) -> None:
        for use, calls in met.items():
            limit = limits[use.limit]
            if limit.concurrency is not None and not await self._occupy(
                request, use, limit.concurrency, calls
            ):
                raise _refusal(use, limit, "concurrency", principal=principal, wait_s=1)
        for use, calls in met.items():
            for kind, counter in self._counters(use, limits[use.limit]):
                if wait_s := await self._count(request, use, counter, principal=principal, calls=calls):
                    wait_s = self._until_midnight_s() if kind == "daily" else wait_s
                    raise _refusal(use, limits[use.limit], kind, principal=principal, wait_s=wait_s)

    async def _occupy(self, request: CountedCalls, use: Use, maximum: int, calls: int) -> bool:
        if calls > maximum:
            return False
        owner = (self.resource, use.limit, *use.who)
        waits = iter(RACES_S)
        for _ in range(calls):
            while not await request.take(owner, maximum):
                wait_s = next(waits, None)
                if wait_s is None:
                    return False
                await asyncio.sleep(wait_s)
        return True

    def _counters(self, use: Use, limit: Limit) -> Iterator[tuple[str, Counter]]:
        named = (self.resource, use.limit, *use.who)
        if limit.rate is not None:
            window_s = limit.rate.window_s
            yield "rate", Counter(("rate", str(window_s), *named), window_s, limit.rate.calls)
        if limit.daily is not None:
            day = datetime.fromtimestamp(self.clock(), UTC).date().isoformat()
            window_s = self._until_midnight_s() + DAY_SLACK_S
            yield "daily", Counter(("daily", day, *named), window_s, limit.daily)

    async def _count(
        self, request: CountedCalls, use: Use, counter: Counter, *, principal: Principal, calls: int
    ) -> int:
        """Return the seconds to wait if there were too many calls; else count them and return 0."""
        count = await request.count(counter, calls)
        if not count.admitted:
            return count.remaining_s
        is_first = use.names_tool and count.value == calls
        return await self._count_name(counter, principal) if is_first else 0

    async def _count_name(self, counter: Counter, principal: Principal) -> int:
        """Count a name with a new counter, so that nobody can fill the store with names."""
        kind, window, *_ = counter.name
        name = ("names", kind, window, self.resource, *principal.person)
        count = await self.counts.count(Counter(name, counter.window_s, MAX_NAMES), 1)
        return 0 if count.admitted else count.remaining_s

    def _until_midnight_s(self) -> int:
        return max(1, math.ceil(DAY_S - self.clock() % DAY_S))


def _refusal(use: Use, limit: Limit, kind: str, *, principal: Principal, wait_s: int) -> Refusal:
    detail = f"{use.limit!r} ({kind}) for {principal.owner} by client {principal.client_id}"
    return limit_exceeded(use.limit, explained(use.limit, limit, kind), wait_s, detail=detail)

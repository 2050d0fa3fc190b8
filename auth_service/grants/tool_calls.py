"""The calls of tools under each grant, as resource servers report them."""

from __future__ import annotations

from collections.abc import Sequence

from auth_service.grants.repository import GrantRepository
from auth_service.protocol.introspection import IntrospectionCaller
from auth_service.protocol.tool_calls import KEPT_S, DayCalls, GrantCalls, last_days, with_batch
from auth_service.storage import keys
from shared.call_events import CallBatch, CallEvent
from shared.clock import Clock
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec


class ToolCallRepository:
    """Counts calls in one document for each grant, which ends with the grant and after eight days."""

    def __init__(self, store: Store, grants: GrantRepository, clock: Clock) -> None:
        self._calls = Collection(store, keys.tool_calls, JsonCodec(GrantCalls), lambda _: KEPT_S)
        self._grants = grants
        self._clock = clock

    async def of(self, grant_id: str) -> DayCalls:
        """Return the calls under a grant in the last seven days."""
        return last_days(await self._calls.get(grant_id) or GrantCalls(), now=int(self._clock()))

    async def apply(self, batch: CallBatch, caller: IntrospectionCaller) -> int:
        """Count the calls of a batch; a repetition counts nothing. Return how many events were accepted.

        A caller reports only on grants for its own resources; other events are ignored.
        """
        accepted = 0
        batch_id = f"{caller.name}:{batch.batch_id}"
        for grant_id, events in _by_grant(batch).items():
            own = await self._own(grant_id, events, caller)
            if own:
                await self._count(grant_id, batch_id, own)
            accepted += len(own)
        return accepted

    async def _own(
        self, grant_id: str, events: Sequence[CallEvent], caller: IntrospectionCaller
    ) -> list[CallEvent]:
        grant = await self._grants.get(grant_id)
        if grant is None or grant.state != "active" or grant.resource not in caller.resources:
            return []
        return [event for event in events if event.resource == grant.resource]

    async def _count(self, grant_id: str, batch_id: str, events: Sequence[CallEvent]) -> None:
        now = int(self._clock())

        def rule(calls: GrantCalls) -> tuple[GrantCalls | None, bool]:
            return with_batch(calls, batch_id, events, now=now), True

        while not await self._calls.update(grant_id, rule):
            first = with_batch(GrantCalls(), batch_id, events, now=now)
            if first is None or await self._calls.create(grant_id, first):
                return


def _by_grant(batch: CallBatch) -> dict[str, list[CallEvent]]:
    events: dict[str, list[CallEvent]] = {}
    for event in batch.events:
        events.setdefault(event.grant_id, []).append(event)
    return events

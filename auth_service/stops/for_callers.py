"""The stops as a resource server knows the people in them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from auth_service.client_auth.introspection_callers import IntrospectionCaller
from auth_service.stops.records import StopRecords
from auth_service.users.client_subjects import ClientSubjects
from shared.stops import Stop, StopKind


@dataclass(frozen=True)
class StopsForCallers:
    """Lists the stops for a caller."""

    records: StopRecords
    subjects: ClientSubjects

    async def of(self, caller: IntrospectionCaller) -> list[Stop]:
        """Return all stops, with people by the subject that `caller` knows."""
        return [await self._known_to(caller, record.stop) for record in await self.records.all()]

    async def _known_to(self, caller: IntrospectionCaller, stop: Stop) -> Stop:
        if caller.sector is None or stop.kind is not StopKind.PERSON:
            return stop
        person = await self.subjects.client_subject(caller.sector, stop.name)
        return replace(stop, name=person.subject)

"""Stops and resumes; resource servers learn of it at once (GW-5)."""

from __future__ import annotations

from collections.abc import Iterable

from auth_service.events.publisher import RevocationPublisher
from auth_service.stops.records import Change, StopList, StopRecord, StopRecords
from shared.clock import Clock
from shared.stops import MAX_NAME, MAX_REASON, MAX_STOPS, Stop, StopKind
from shared.storage.interface import Store
from shared.uris import resource_key


class InvalidStopError(ValueError):
    """The stop cannot be made. The message is a sentence for the operator."""


class StopSwitch:
    """Changes the stops in the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.records = StopRecords(store)
        self._publisher = RevocationPublisher(store, clock)
        self._clock = clock

    async def stop(self, stop: Stop, *, by: str) -> bool:
        """Stop something; return False if it was stopped already, with the same reason.

        Raises:
            InvalidStopError: a name is not valid, or there are too many stops.
        """
        check_stop(stop)
        record = StopRecord(
            kind=stop.kind.value,
            name=stop.name,
            resource=stop.resource,
            reason=stop.reason,
            by=by,
            at=int(self._clock()),
        )

        def change(stops: StopList) -> StopList | None:
            if any(each.stop == stop for each in stops.records):
                return None
            others = _without(stops.records, stop)
            if len(others) >= MAX_STOPS:
                raise InvalidStopError(f"there are {MAX_STOPS} stops already")
            return StopList((*others, record))

        return await self._changed(change)

    async def resume(self, stop: Stop) -> bool:
        """End a stop, whatever its reason; return False if there is none.

        Raises:
            InvalidStopError: a name is not valid.
        """
        check_stop(stop)

        def change(stops: StopList) -> StopList | None:
            others = _without(stops.records, stop)
            return StopList(others) if len(others) < len(stops.records) else None

        return await self._changed(change)

    async def announce(self) -> None:
        """Let every resource server read the stops again now: each waiting poll is answered."""
        await self._publisher.heartbeat()

    async def _changed(self, change: Change) -> bool:
        changed = await self.records.change(change)
        await self.announce()  # also without a change: the process that made it may have died before this
        return changed


def check_stop(stop: Stop) -> None:
    """Check the names of a stop.

    Raises:
        InvalidStopError: one is not valid.
    """
    for what, text, at_most in (("name", stop.name, MAX_NAME), ("reason", stop.reason, MAX_REASON)):
        if len(text) > at_most or not text.isprintable():
            raise InvalidStopError(f"the {what} must be one line of at most {at_most} characters")
    if not stop.name.strip() or stop.name != stop.name.strip():
        raise InvalidStopError("the name must not be empty, and must not begin or end with a space")
    if stop.resource is not None and stop.kind is not StopKind.TOOL:
        raise InvalidStopError("only a tool is stopped at one resource")
    for url in _urls(stop):
        try:
            resource_key(url)
        except ValueError as error:
            raise InvalidStopError(f"{url!r} is not the URL of a resource: {error}") from error


def _urls(stop: Stop) -> Iterable[str]:
    if stop.kind is StopKind.MOUNT:
        yield stop.name
    if stop.resource is not None:
        yield stop.resource


def _without(records: Iterable[StopRecord], stop: Stop) -> tuple[StopRecord, ...]:
    return tuple(record for record in records if not record.concerns(stop))

"""The stops in the store, in one document that changes as a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from auth_service.storage import keys
from shared.stops import Stop, StopKind
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

_ID = "stops"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRecord:
    """A stop, with who made it.

    Attributes:
        kind, name, resource, reason: as in `Stop`.
        by: the operator, administrator or client.
        at: seconds since 1970.
    """

    kind: str
    name: str
    by: str
    at: int
    resource: str | None = None
    reason: str = ""

    @property
    def stop(self) -> Stop:
        """The stop."""
        return Stop(kind=StopKind(self.kind), name=self.name, resource=self.resource, reason=self.reason)

    def concerns(self, stop: Stop) -> bool:
        """Whether this record stops the same as `stop`, whatever the reason."""
        return (self.kind, self.name, self.resource) == (stop.kind, stop.name, stop.resource)


@dataclass(frozen=True, slots=True)
class StopList:
    """All stops, oldest first."""

    records: tuple[StopRecord, ...] = ()


Change = Callable[[StopList], StopList | None]
"""Returns the new list; None if nothing changes."""


class StopRecords:
    """Reads and changes the stops."""

    def __init__(self, store: Store) -> None:
        # Read with every answer of the revocation feed: decoded only when they have changed.
        self._codec = JsonCodec(StopList, remembered=2)
        self._lists = Collection(store, lambda _: keys.stops(), self._codec, lambda _: None)

    async def all(self) -> tuple[StopRecord, ...]:
        """Return all stops."""
        stored = await self._lists.get(_ID)
        return () if stored is None else stored.records

    async def change(self, change: Change) -> bool:
        """Change the list; return whether it has changed."""
        await self._lists.create(_ID, StopList())

        def rule(stored: StopList) -> tuple[StopList | None, bool]:
            changed = change(stored)
            return changed, changed is not None

        return bool(await self._lists.update(_ID, rule))

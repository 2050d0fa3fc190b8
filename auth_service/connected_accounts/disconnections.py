"""The credentials that have ended recently, which resource servers must no longer use."""

from __future__ import annotations

from dataclasses import dataclass, replace

from auth_service.connected_accounts.records import ConnectedAccount
from auth_service.events.publisher import RevocationPublisher
from auth_service.storage import keys
from shared.clock import Clock
from shared.disconnections import ANNOUNCED_FOR_S, MAX_DISCONNECTIONS
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

_ID = "disconnections"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisconnectionRecord:
    """A credential that has ended, or was replaced by that of a new connection."""

    subject: str
    resource: str
    version: str
    at: int


@dataclass(frozen=True, slots=True)
class DisconnectionList:
    """The latest disconnections, oldest first."""

    records: tuple[DisconnectionRecord, ...] = ()


class Disconnections:
    """Records disconnections, and lets resource servers know at once."""

    def __init__(self, store: Store, clock: Clock) -> None:
        # Read with every answer of the revocation feed: decoded only when it has changed.
        codec = JsonCodec(DisconnectionList, remembered=2)
        self._lists = Collection(store, lambda _: keys.disconnections(), codec, lambda _: ANNOUNCED_FOR_S)
        self._publisher = RevocationPublisher(store, clock)
        self._clock = clock

    async def recent(self) -> tuple[DisconnectionRecord, ...]:
        """Return the disconnections of the last `ANNOUNCED_FOR_S` seconds."""
        stored, now = await self._lists.get(_ID), self._clock()
        records = () if stored is None else stored.records
        return tuple(record for record in records if now < record.at + ANNOUNCED_FOR_S)

    async def add(self, account: ConnectedAccount, version: str) -> None:
        """Record that a credential has ended, and answer each waiting poll of a resource server."""
        now = int(self._clock())
        record = DisconnectionRecord(
            subject=account.subject, resource=account.resource, version=version, at=now
        )

        def rule(stored: DisconnectionList) -> tuple[DisconnectionList | None, bool]:
            live = [each for each in stored.records if now < each.at + ANNOUNCED_FOR_S]
            if any(replace(each, at=now) == record for each in live):
                return None, True  # the button was pressed twice
            # One more than a response may name: then receivers drop everything.
            return DisconnectionList((*live, record)[-MAX_DISCONNECTIONS - 1 :]), True

        while not await self._lists.update(_ID, rule):
            if await self._lists.create(_ID, DisconnectionList((record,))):
                break
        await self._publisher.heartbeat()

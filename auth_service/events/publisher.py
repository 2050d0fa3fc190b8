"""Publishes events to the processes of the authorization server, on one channel of the store."""

from __future__ import annotations

from auth_service.crypto.secrets import new_id
from auth_service.protocol.grant import Grant
from auth_service.storage import keys
from shared.clock import Clock
from shared.security_events import SecurityEvent
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec

_events = JsonCodec(SecurityEvent)
encode_event, decode_event = _events.encode, _events.decode


class RevocationPublisher:
    """Notifies every process that follows the channel, or raises `StoreUnavailableError`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def revoked(self, grant: Grant, *, written: bool = False) -> None:
        """Announce that the grant ends, in a moment or, if that is `written`, now."""
        ends_at = grant.kept_until if written else 0
        await self._publish(grant.grant_id, grant.revocation_reason, ends_at)

    async def changed(self, grant_id: str | None) -> None:
        """Announce that tokens of the grant may allow something else; None for any grant."""
        event = self._event(grant_id, changed=True)
        await self._store.publish(keys.revocations(), encode_event(event))

    async def heartbeat(self) -> None:
        """Announce that nothing was missed: a process that receives this would have received a revocation."""
        await self._publish(None, None)

    async def _publish(self, grant_id: str | None, reason: str | None, ends_at: int = 0) -> None:
        event = self._event(grant_id, reason=reason, ends_at=ends_at)
        await self._store.publish(keys.revocations(), encode_event(event))

    def _event(
        self, grant_id: str | None, *, reason: str | None = None, changed: bool = False, ends_at: int = 0
    ) -> SecurityEvent:
        return SecurityEvent(
            jti=new_id(),
            occurred_at=int(self._clock()),
            grant_id=grant_id,
            reason=reason,
            changed=changed,
            ends_at=ends_at,
        )

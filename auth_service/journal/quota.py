"""The quota of each resource server for entries of the journal: a compromised one cannot fill the store."""

from __future__ import annotations

from collections.abc import Callable

from auth_service.protocol.errors import SlowDownError
from auth_service.protocol.reasons import Reason
from auth_service.storage import keys
from shared.logs import get_logger
from shared.storage.interface import Store

WINDOW_S = 3_600

_log = get_logger(__name__)


class DeliveryQuota:
    """Limits the bytes that a resource server delivers in an hour, over all processes.

    Args:
        bytes_per_hour: for each resource server.
        exceeded: called with the name of a resource server when it has begun to exceed the quota.
    """

    def __init__(
        self, store: Store, bytes_per_hour: int, exceeded: Callable[[str], None] | None = None
    ) -> None:
        self._store = store
        self._bytes_per_hour = bytes_per_hour
        self._exceeded = exceeded
        self._refused: set[str] = set()

    async def spend(self, server: str, size: int) -> None:
        """Count a delivery of `size` bytes; one that is refused is not counted.

        Raises:
            SlowDownError: it exceeds the quota.
            StoreUnavailableError: the store does not respond.
        """
        counted = await self._store.count(
            keys.count("journal-bytes", server), ttl_s=WINDOW_S, limit=self._bytes_per_hour, by=max(1, size)
        )
        if counted.admitted:
            self._refused.discard(server)
            return
        if server not in self._refused:
            self._refused.add(server)
            _log.error("a resource server exceeds its quota of the journal", caller=server)
            if self._exceeded is not None:
                self._exceeded(server)
        raise SlowDownError(
            Reason.JOURNAL_QUOTA_EXCEEDED,
            "too many bytes of events in this hour",
            retry_after_s=counted.remaining_s,
        )

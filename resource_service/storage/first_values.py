"""Values that the processes of this service agree on: the first that any of them proposes."""

from __future__ import annotations

from resource_service.storage import keys
from resource_service.storage.shared_store import SharedStore

KEPT_S = 600
"""How long a value is kept after it was last proposed: longer than a replacement of all processes takes."""
_ATTEMPTS = 3


class FirstValues:
    """The values in the store that the processes share.

    Args:
        server_id: the id of this service.
    """

    def __init__(self, store: SharedStore, server_id: str) -> None:
        self._store = store
        self._server_id = server_id

    async def agree(self, resource: str, member: str, value: bytes) -> bytes:
        """Propose `value`; return the one that was proposed first, which is kept for `KEPT_S` from now.

        Raises:
            StoreUnavailableError: the store does not answer, or is not that of this service.
        """
        store, key = await self._store.current(), keys.pins(self._server_id, resource, member)
        for _ in range(_ATTEMPTS):
            if await store.create(key, value, ttl_s=KEPT_S):
                return value
            first = await store.get(key)
            if first is not None and await store.replace(key, first, first, ttl_s=KEPT_S):
                return first
        return value  # it expires again and again, so that no process keeps one

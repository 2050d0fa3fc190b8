"""Clients whose id and secret the operator chooses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from auth_service.protocol.client import Client
from auth_service.protocol.client_secrets import rotated
from auth_service.storage import keys
from shared.clock import Clock
from shared.storage.documents import Collection
from shared.storage.interface import Store
from shared.storage.json_codec import JsonCodec


class OperatorClients:
    """Creates and changes them. They never expire."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._clients = Collection(store, keys.client, JsonCodec(Client, compressed=True), lambda _: None)

    async def add(
        self, client_id: str, metadata: dict[str, Any], secret_hash: str | None, *, disabled: bool = False
    ) -> bool:
        """Create a client; return whether there was none with that id."""
        client = Client(
            client_id=client_id,
            created_at=int(self._clock()),
            metadata=metadata,
            secret_hash=secret_hash,
            disabled=disabled,
        )
        await self._store.index_add(keys.clients(), client_id, ttl_s=None)
        return await self._clients.create(client_id, client)

    async def change(self, client_id: str, metadata: dict[str, Any], secret_hash: str | None) -> bool:
        """Replace the metadata; return whether the operator has a client with that id.

        Args:
            secret_hash: that of the new secret, the previous one works for `OVERLAP_S`; None for no change.
        """
        now = int(self._clock())

        def rule(current: Client) -> tuple[Client | None, bool]:
            if not current.is_operators:
                return None, False
            changed = replace(current, metadata=metadata)
            if not changed.has_secret:
                return replace(changed, secret_hash=None, previous_secret_hash=None), True
            if secret_hash is None:
                return changed, True
            if changed.secret_hash is None:
                return replace(changed, secret_hash=secret_hash), True
            return rotated(changed, secret_hash, now) or changed, True

        return bool(await self._clients.update(client_id, rule))

"""A store that notes what is announced, and when a document is written."""

from __future__ import annotations

from typing import Any, cast

from auth_service.events.publisher import decode_event
from shared.storage import Store


class Announced:
    """Notes the calls to a real store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.calls: list[str] = []

    @property
    def store(self) -> Store:
        return cast("Store", self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def publish(self, channel: str, message: bytes) -> None:
        event = decode_event(message)
        if event.changed:
            self.calls.append(f"changed {event.grant_id or 'everything'}")
        await self._store.publish(channel, message)

    async def create(self, key: str, value: bytes, *, ttl_s: int | None) -> bool:
        self.calls.append("create")
        return await self._store.create(key, value, ttl_s=ttl_s)

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl_s: int | None) -> bool:
        self.calls.append("replace")
        return await self._store.replace(key, old, new, ttl_s=ttl_s)

    async def index_remove(self, index: str, member: str) -> None:
        self.calls.append("index_remove")
        await self._store.index_remove(index, member)

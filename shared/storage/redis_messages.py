"""The messages on a subscribed connection to Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

from redis.asyncio import Connection
from redis.asyncio.client import PubSub

from shared.cancellation import cancellable
from shared.storage.interface import StoreUnavailableError
from shared.storage.redis_address import RedisAddress
from shared.storage.redis_errors import OUTAGES_OF_CLUSTERS, unavailable

HEARTBEAT_S = 1.0
"""A subscription that is quiet for this long is pinged, and must answer within the same time."""


class Messages(AsyncIterator[bytes]):
    """The messages on a subscribed connection, until it breaks or falls silent."""

    def __init__(self, pubsub: PubSub, address: RedisAddress) -> None:
        self._pubsub = pubsub
        self._address = address
        self._broken = False

    async def __anext__(self) -> bytes:
        while True:
            message = await self._next()
            if message["type"] == "message":
                data: bytes = message["data"]
                return data

    async def _next(self) -> dict[str, Any]:
        # redis-py would reconnect by itself and hide that messages were missed meanwhile.
        if self._broken or not cast("Connection", self._pubsub.connection).is_connected:
            raise StoreUnavailableError(f"{self._address}: the subscription has ended")
        try:
            return await cancellable(self._read())
        except OUTAGES_OF_CLUSTERS as error:
            self._broken = True
            raise unavailable(self._address, error) from error

    async def _read(self) -> dict[str, Any]:
        message: dict[str, Any] | None = await self._pubsub.get_message(timeout=HEARTBEAT_S)
        if message is None:
            await self._pubsub.ping()
            message = await self._pubsub.get_message(timeout=HEARTBEAT_S)
        if message is None:
            raise TimeoutError("no answer to PING")
        return message

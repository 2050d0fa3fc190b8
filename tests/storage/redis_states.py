"""States of Redis servers, for the tests of their problems."""

from __future__ import annotations

from typing import Any

from shared.storage.durability import Durability
from shared.storage.redis_info import ServerState

GOOD: dict[str, Any] = {
    "redis_version": "7.0.15",
    "aof_enabled": 1,
    "maxmemory": 1_000,
    "used_memory": 800,
    "role": "master",
    "connected_slaves": 0,
}
SETTINGS = {"appendfsync": "always", "min-replicas-to-write": "0"}
FSYNC, REPLICATED, RELAXED = Durability(), Durability("replicated", 2), Durability("relaxed")


def state(place: str = "a:1", offset_s: float = 0.0, **info: Any) -> ServerState:
    """The state of a server as it should be, but for `info`."""
    return ServerState(place=place, info={**GOOD, **info}, settings=SETTINGS, clock_offset_s=offset_s)

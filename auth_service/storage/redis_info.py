"""Finds settings of a Redis server that break the store's guarantees."""

from __future__ import annotations

from collections.abc import Mapping

OLDEST = (6, 2)


def misconfigurations(info: Mapping[str, object], *, appendfsync: str | None) -> list[str]:
    """List the misconfigurations, in sentences for the operator.

    Args:
        info: the answer to INFO.
        appendfsync: the value of this setting; None if the server does not reveal it.
    """
    return [*_version(info), *_eviction(info), *_durability(info, appendfsync)]


def _version(info: Mapping[str, object]) -> list[str]:
    version = str(info.get("redis_version", ""))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    return [f"Redis {version} is older than 6.2"] if numbers and numbers < OLDEST else []


def _eviction(info: Mapping[str, object]) -> list[str]:
    policy = info.get("maxmemory_policy", "noeviction")
    if policy == "noeviction" or not info.get("maxmemory"):
        return []
    return [f"maxmemory-policy {policy} lets Redis drop grants and sessions; set it to noeviction"]


def _durability(info: Mapping[str, object], appendfsync: str | None) -> list[str]:
    if not info.get("aof_enabled"):
        return ["appendonly is off: a crash of Redis loses grants, and with them revocations"]
    if appendfsync not in (None, "always"):
        return [f"appendfsync {appendfsync} lets a crash of Redis lose the last second; set it to always"]
    return []

"""Finds what breaks the store's guarantees in the state of Redis servers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.storage.durability import Durability

OLDEST = (6, 2)
MAX_MEMORY_PERCENT = 80
MAX_CLOCK_OFFSET_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState:
    """A server, as it describes itself.

    Attributes:
        place: host and port.
        info: the answer to INFO; None if the server cannot be reached.
        settings: the settings that it reveals, by name; servers of hosting providers often reveal none.
        clock_offset_s: how far its clock is ahead of ours.
    """

    place: str
    info: Mapping[str, object] | None
    settings: Mapping[str, str] = field(default_factory=dict)
    clock_offset_s: float = 0.0


def misconfigurations(servers: Sequence[ServerState], durability: Durability) -> list[str]:
    """List the problems, in sentences for the operator."""
    named = [(f"{server.place}: " if len(servers) > 1 else "", server) for server in servers]
    return [name + problem for name, server in named for problem in _problems(server, durability)]


def memory_limit(servers: Sequence[ServerState]) -> int | None:
    """Return the bytes that the smallest server may use: `maxmemory`, or the memory of its machine.

    None if no server states them.
    """
    infos = [server.info for server in servers if server.info is not None]
    limits = [_number(info, "maxmemory") or _number(info, "total_system_memory") for info in infos]
    return min((int(limit) for limit in limits if limit), default=None)


def _problems(server: ServerState, durability: Durability) -> list[str]:
    info = server.info
    if info is None:
        return ["the server does not respond, so its settings are not checked"]
    return [
        *_version(info),
        *_eviction(info),
        *_memory(info),
        *_persistence(info, server.settings.get("appendfsync"), durability),
        *_replication(info, server.settings.get("min-replicas-to-write"), durability),
        *_clock(server.clock_offset_s),
    ]


def _version(info: Mapping[str, object]) -> list[str]:
    version = str(info.get("redis_version", ""))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    return [f"Redis {version} is older than 6.2"] if numbers and numbers < OLDEST else []


def _eviction(info: Mapping[str, object]) -> list[str]:
    policy = info.get("maxmemory_policy", "noeviction")
    if policy == "noeviction" or not _number(info, "maxmemory"):
        return []
    return [f"maxmemory-policy {policy} lets Redis drop grants and sessions; set it to noeviction"]


def _memory(info: Mapping[str, object]) -> list[str]:
    used, limit = _number(info, "used_memory"), _number(info, "maxmemory")
    if not limit or used * 100 <= limit * MAX_MEMORY_PERCENT:
        return []
    return [f"more than {MAX_MEMORY_PERCENT} % of maxmemory is used; a full store accepts no registrations"]


def _persistence(info: Mapping[str, object], appendfsync: str | None, durability: Durability) -> list[str]:
    if durability.mode == "relaxed":
        return []
    if not info.get("aof_enabled"):
        return ["appendonly is off: a crash of Redis loses grants, and with them revocations"]
    if appendfsync not in (None, "always"):
        return [f"appendfsync {appendfsync} lets a crash of Redis lose the last second; set it to always"]
    return []


def _replication(info: Mapping[str, object], required: str | None, durability: Durability) -> list[str]:
    if info.get("role") == "slave":
        return [] if info.get("master_link_status") == "up" else ["the replica does not follow its primary"]
    replicas = int(_number(info, "connected_slaves"))
    if durability.mode == "replicated":
        missing = replicas < durability.replicas
        return [f"only {replicas} replicas follow, so writes are not confirmed"] if missing else []
    if durability.mode == "fsync" and replicas and required == "0":
        return [
            "min-replicas-to-write is 0: a failover loses what the replicas do not have; set it to 1,"
            " or DOORWARD_DURABILITY to replicated"
        ]
    return []


def _clock(offset_s: float) -> list[str]:
    if abs(offset_s) <= MAX_CLOCK_OFFSET_S:
        return []
    direction = "ahead of" if offset_s > 0 else "behind"
    limit_s = f"{MAX_CLOCK_OFFSET_S:.0f} s"  # not the offset itself: the sentence would change all the time
    return [f"the clock is more than {limit_s} {direction} the one of the authorization server"]


def _number(info: Mapping[str, object], name: str) -> float:
    value = info.get(name, 0)
    return value if isinstance(value, int | float) else 0

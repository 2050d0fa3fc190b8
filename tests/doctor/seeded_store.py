"""Warnings of an authorization server about its store."""

from __future__ import annotations

from starlette.responses import JSONResponse

from tests.doctor.misconfiguration import FAILURE, WARNING, Misconfiguration, answering
from tests.doctor.pair import Pair


def _warned(check: str, warning: str, fix: str) -> Misconfiguration:
    def seed(pair: Pair) -> None:
        answering(pair, "auth", "/ready", JSONResponse({"status": "ok", "warnings": [warning]}))

    return Misconfiguration(f"the store: {warning}", check, WARNING, fix, seed)


SEEDED = (
    Misconfiguration(
        "the store does not respond",
        "store-available",
        FAILURE,
        "Start the store, free its memory or disk, and see the log of the authorization server.",
        lambda pair: answering(pair, "auth", "/ready", JSONResponse({"error": "x"}, 503)),
    ),
    _warned(
        "store-version", "Redis 6.0.1 is older than 6.2", "Run Redis 6.2 or newer, or Valkey 7.2 or newer."
    ),
    _warned(
        "store-eviction",
        "maxmemory-policy volatile-lru lets Redis drop",
        "Set maxmemory-policy to noeviction.",
    ),
    _warned(
        "store-memory",
        "more than 80 % of maxmemory is used; a full store accepts no registrations",
        "Raise maxmemory, or find what fills the store.",
    ),
    _warned("store-sync", "appendonly is off", "Set appendonly to yes and appendfsync to always."),
    _warned(
        "store-replicas",
        "the replica does not follow its primary",
        "Repair the replica, and set min-replicas-to-write to 1 or DOORWARD_DURABILITY to replicated.",
    ),
    _warned(
        "store-clock",
        "the clock is more than 5 s ahead of the one of the authorization server",
        "Synchronize the clocks of the hosts with NTP.",
    ),
    _warned("store-other", "a warning of a later release", "See the log of the authorization server."),
)

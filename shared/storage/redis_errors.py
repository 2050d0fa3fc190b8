"""Turns errors of redis-py and of connections into those of the store's interface."""

from __future__ import annotations

from redis.exceptions import (
    NoPermissionError,
    OutOfMemoryError,
    RedisClusterException,
    RedisError,
    ResponseError,
)

from shared.storage.interface import NotPermittedError, StoreFullError, StoreUnavailableError
from shared.storage.redis_address import RedisAddress

OUTAGES = (RedisError, RedisClusterException, OSError)
OUTAGES_OF_CLUSTERS = (*OUTAGES, AttributeError, RuntimeError)
"""The errors of redis-py's client of a cluster in a failover. It writes to connections that it has closed a
moment before: their writer is None then (AttributeError), or its transport is closed (RuntimeError)."""


def unavailable(address: RedisAddress, error: Exception) -> StoreUnavailableError:
    """Return the error for callers of the store; `error` is its cause."""
    # Redis 6.2 wraps the error of a command in that of the script that called it.
    full = isinstance(error, OutOfMemoryError) or (isinstance(error, ResponseError) and "OOM " in str(error))
    kind = StoreFullError if full else StoreUnavailableError
    # hiredis leaves the code in the text, where redis-py's own parser has a class for it.
    if isinstance(error, NoPermissionError) or (isinstance(error, ResponseError) and "NOPERM " in str(error)):
        kind = NotPermittedError
    failure = kind(f"{address}: {type(error).__name__}: {error}")
    failure.__cause__ = error
    return failure

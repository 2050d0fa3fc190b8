"""State: one small interface, a Redis and a SQLite implementation, and the documented key schema.

Owns how bytes are stored, compared, expired and announced. Knows nothing of OAuth: the pure rules in
``auth_service.protocol`` decide what the bytes mean.

    interface.py   the guarantees of every store
    documents.py   typed documents over it, changed by compare-and-swap
    keys.py        every key, its value, its lifetime
    durability.py  which writes wait for replicas
    redis.py       Redis and Valkey: one server, Sentinel or Cluster; over redis_pipeline.py but for Cluster
    sqlite.py      one file
    store_clock.py  the store's clock, for all processes that share it
"""

from __future__ import annotations

from auth_service.storage.durability import Durability
from auth_service.storage.interface import NotReplicatedError, Store, StoreFullError, StoreUnavailableError

__all__ = [
    "Durability",
    "NotReplicatedError",
    "Store",
    "StoreFullError",
    "StoreUnavailableError",
    "open_store",
]


def open_store(url: str, durability: Durability = Durability()) -> Store:  # noqa: B008 -- frozen
    """Open the store that `url` names, loading only the backend it needs.

    Args:
        url: ``redis://``, ``rediss://``, ``redis+sentinel://``, ``redis+cluster://`` or ``sqlite:///PATH``,
            with a fourth slash where PATH is absolute. `docs/reference/storage.md` gives each form.

    Raises:
        ValueError: the URL has none of these forms, or names a file for replicated writes. The message leaves
            out credentials.
        StoreUnavailableError: the SQLite file cannot be opened. Redis is first reached by the first call.
    """
    if url.partition("://")[0] == "sqlite":
        from auth_service.storage.sqlite import SqliteStore
        from auth_service.storage.sqlite_file import database_path

        if durability.mode == "replicated":
            raise ValueError("replicated durability needs Redis with replicas; a SQLite file has none")
        return SqliteStore(database_path(url))

    from auth_service.storage.redis import RedisStore
    from auth_service.storage.redis_address import parse_address

    return RedisStore(parse_address(url), durability)

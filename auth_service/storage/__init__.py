"""State: one small interface, a Redis and a SQLite implementation, and the documented key schema.

Owns how bytes are stored, compared, expired and announced. Knows nothing of OAuth: the pure rules in
``auth_service.protocol`` decide what the bytes mean.

    interface.py   the guarantees of every store
    documents.py   typed documents over it, changed by compare-and-swap
    keys.py        every key, its value, its lifetime
    redis.py       Redis and Valkey: one server, Sentinel or Cluster; over redis_pipeline.py but for Cluster
    sqlite.py      one file
"""

from __future__ import annotations

from auth_service.storage.interface import Store, StoreFullError, StoreUnavailableError

__all__ = ["Store", "StoreFullError", "StoreUnavailableError", "open_store"]


def open_store(url: str) -> Store:
    """Open the store that `url` names, loading only the backend it needs.

    Args:
        url: ``redis://``, ``rediss://``, ``redis+sentinel://``, ``redis+cluster://`` or ``sqlite:///PATH``,
            with a fourth slash where PATH is absolute. `docs/reference/storage.md` gives each form.

    Raises:
        ValueError: the URL has none of these forms. The message leaves out credentials.
        StoreUnavailableError: the SQLite file cannot be opened. Redis is first reached by the first call.
    """
    if url.partition("://")[0] == "sqlite":
        from auth_service.storage.sqlite import SqliteStore
        from auth_service.storage.sqlite_file import database_path

        return SqliteStore(database_path(url))

    from auth_service.storage.redis import RedisStore
    from auth_service.storage.redis_address import parse_address

    return RedisStore(parse_address(url))

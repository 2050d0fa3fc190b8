"""State: one small interface, a Redis and a SQLite implementation.

Owns how bytes are stored, compared, expired and announced. Knows nothing of OAuth: the pure rules of a
service decide what the bytes mean, and its key schema under which names they are stored.

    interface.py   the guarantees of every store
    documents.py   typed documents over it, changed by compare-and-swap
    durability.py  which writes wait for replicas
    redis.py       Redis and Valkey: one server, Sentinel or Cluster; over redis_pipeline.py but for Cluster
    sqlite.py      one file; sqlite_reserve.py keeps pages for the writes that end grants
    store_clock.py  the store's clock, for all processes that share it
    entries.py     everything in a store, for backups
    revocation_log.py  what was revoked, in a second place
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.storage.durability import Durability
from shared.storage.interface import NotReplicatedError, Store, StoreFullError, StoreUnavailableError

if TYPE_CHECKING:
    from shared.storage.revocation_log import RevocationLog

__all__ = [
    "Durability",
    "NotReplicatedError",
    "Store",
    "StoreFullError",
    "StoreUnavailableError",
    "open_revocation_log",
    "open_store",
]


def open_store(
    url: str,
    durability: Durability = Durability(),  # noqa: B008 -- frozen
    *,
    revocation_log: str | None = None,
) -> Store:
    """Open the store that `url` names, loading only the backend it needs.

    Args:
        url: ``redis://``, ``rediss://``, ``redis+sentinel://``, ``redis+cluster://`` or ``sqlite:///PATH``,
            with a fourth slash where PATH is absolute. `docs/reference/storage.md` gives each form.
        revocation_log: the URL of its revocation log, as in `open_revocation_log`.

    Raises:
        ValueError: the URL has none of these forms, or names a file for replicated writes. The message leaves
            out credentials.
        StoreUnavailableError: the SQLite file cannot be opened. Redis is first reached by the first call.
    """
    store = _open(url, durability)
    if revocation_log:
        store.revocation_log = open_revocation_log(revocation_log)
    return store


def open_revocation_log(url: str) -> RevocationLog:
    """Open a revocation log: ``file:///DIRECTORY``, or a store as in `open_store`, which is not the first.

    Raises:
        ValueError, StoreUnavailableError: as `open_store`.
    """
    from shared.storage.revocation_log import FileRevocationLog, StoreRevocationLog, log_directory

    if url.partition("://")[0] == "file":
        return FileRevocationLog(log_directory(url))
    return StoreRevocationLog(_open(url, Durability()))


def _open(url: str, durability: Durability) -> Store:
    if url.partition("://")[0] == "sqlite":
        from shared.storage.sqlite import SqliteStore
        from shared.storage.sqlite_file import database_path

        if durability.mode == "replicated":
            raise ValueError("replicated durability needs Redis with replicas; a SQLite file has none")
        return SqliteStore(database_path(url))

    from shared.storage.redis import RedisStore
    from shared.storage.redis_address import parse_address

    return RedisStore(parse_address(url), durability)

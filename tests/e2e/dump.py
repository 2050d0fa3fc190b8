"""Everything in a store, and every text that could be made out of it by somebody who stole a copy."""

from __future__ import annotations

import base64
import binascii
import json
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import cast

import redis

from shared.storage.compression import expand
from shared.storage.sqlite_file import database_path

_PLAIN = re.compile(r"[!-~]{8,2000}")
"""Shorter ones could be guessed without a dump."""
_PIECES = (r"[A-Za-z0-9_.~+/=-]+", r"[A-Za-z0-9_-]+", r"[A-Za-z0-9]+")
"""Runs of the characters that tokens are made of, by the longer and the shorter idea of them."""


@dataclass(frozen=True)
class Entry:
    """One key of a store.

    Attributes:
        ttl_s: lifetime from now, in seconds; None if it does not expire.
        values: a document, or the members of an index.
    """

    key: str
    ttl_s: float | None
    values: tuple[bytes, ...]
    is_index: bool = False


def dump(store_url: str) -> list[Entry]:
    """Read every key of a SQLite file, or of a Redis."""
    if store_url.startswith("sqlite:"):
        return list(_sqlite(store_url))
    with redis.Redis.from_url(store_url) as server:
        return [_redis_entry(server, key) for key in server.scan_iter()]


def _redis_entry(server: redis.Redis, key: bytes) -> Entry:
    ttl_ms = server.pttl(key)
    ttl_s = None if ttl_ms == -1 else ttl_ms / 1000
    if server.type(key) == b"zset":
        members = cast("list[bytes]", server.zrange(key, 0, -1))
        return Entry(key.decode(), ttl_s, tuple(members), is_index=True)
    if server.type(key) == b"stream":
        entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", server.xrange(key))
        return Entry(
            key.decode(), ttl_s, _lines(content for _, fields in entries for content in fields.values())
        )
    return Entry(key.decode(), ttl_s, (expand(cast("bytes", server.get(key))),))


def _lines(contents: Iterable[bytes]) -> tuple[bytes, ...]:
    return tuple(line for content in contents for line in content.splitlines())


def _sqlite(store_url: str) -> Iterator[Entry]:
    with closing(sqlite3.connect(database_path(store_url))) as file:
        for key, value, expires_at in file.execute("SELECT key, value, expires_at FROM document"):
            yield Entry(key, _left_s(expires_at), (expand(value),))
        indexes = "SELECT index_key, max(expires_at), group_concat(member, char(0)) FROM member GROUP BY 1"
        for key, expires_at, members in file.execute(indexes):
            yield Entry(key, _left_s(expires_at), tuple(members.encode().split(b"\0")), is_index=True)
        logs: dict[str, list[bytes]] = {}
        for name, content in file.execute("SELECT name, entry FROM log"):
            logs.setdefault(name, []).append(content)
        yield from (Entry(name, None, _lines(contents)) for name, contents in logs.items())


def messages(store_url: str) -> list[bytes]:
    """The messages between processes in a SQLite file; Redis stores none."""
    if not store_url.startswith("sqlite:"):
        return []
    with closing(sqlite3.connect(database_path(store_url))) as file:
        return [content for (content,) in file.execute("SELECT content FROM message")]


def _left_s(expires_at: float) -> float | None:
    return None if expires_at == float("inf") else expires_at - time.time()


def candidates(entries: Iterable[Entry]) -> list[str]:
    """Every text in the entries that could be tried as a secret: whole, in pieces, and decoded."""
    values: set[str] = set()
    for entry in entries:
        for raw in (entry.key.encode(), *entry.values):
            values |= _texts(raw)
    return sorted(text for text in values if _PLAIN.fullmatch(text))


def _texts(raw: bytes) -> set[str]:
    whole = raw.decode("latin-1")
    texts = {whole, *_strings(raw)}
    pieces = {piece for text in texts for piece in _in_pieces(text)}
    decoded = {again for piece in pieces for again in _decoded(piece)}
    return texts | pieces | decoded | _encoded(raw)


def _strings(raw: bytes) -> Iterator[str]:
    """All strings and numbers in a JSON document."""
    with suppress(ValueError):
        waiting = [json.loads(raw)]
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                waiting += [*value.keys(), *value.values()]
            elif isinstance(value, list):
                waiting += value
            else:
                yield str(value)


def _in_pieces(text: str) -> Iterator[str]:
    for characters in _PIECES:
        yield from re.findall(characters, text)


def _decoded(piece: str) -> Iterator[str]:
    """Decode a piece from hex, base64 and the other encodings."""
    for decode in (bytes.fromhex, _from_base64):
        with suppress(ValueError, binascii.Error):
            raw = decode(piece)
            yield raw.decode("latin-1")
            yield from _encoded(raw)


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text.rstrip("=") + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _encoded(raw: bytes) -> set[str]:
    if not 8 <= len(raw) <= 256:
        return set()
    return {raw.hex(), base64.urlsafe_b64encode(raw).decode().rstrip("="), base64.b64encode(raw).decode()}

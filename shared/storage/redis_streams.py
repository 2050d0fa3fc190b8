"""Entries of a log as entries of a Redis stream."""

from __future__ import annotations

from typing import cast

from redis.exceptions import ResponseError

from shared.storage.interface import Position

FIELD = "e"
"""The one field of an entry."""

_NOT_LATER = "equal or smaller"


def entry_id(position: Position) -> str:
    """Return the id of the entry at a position."""
    return f"{position.time_ms}-{position.sequence}"


def is_not_later(error: BaseException | None) -> bool:
    """Whether XADD was refused because the stream had an entry with this id or a later one."""
    return isinstance(error, ResponseError) and _NOT_LATER in str(error)


def entries(answer: object) -> list[tuple[Position, bytes]]:
    """Read the answer to XRANGE, as Redis sends it or as redis-py has parsed it."""
    rows = cast("list[tuple[bytes, list[bytes] | dict[bytes, bytes]]]", answer)
    return [(_position(entry), _content(members)) for entry, members in rows]


def _position(entry: bytes) -> Position:
    time_ms, _, sequence = entry.partition(b"-")
    return Position(int(time_ms), int(sequence))


def _content(members: list[bytes] | dict[bytes, bytes]) -> bytes:
    return members[FIELD.encode()] if isinstance(members, dict) else members[1]

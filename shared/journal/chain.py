"""The chain of one process: each entry contains the digest of the entry before it."""

from __future__ import annotations

import hashlib
import json
from typing import Any, NamedTuple

from shared import base64url
from shared.journal.event import EncodedEvent, Event


class Head(NamedTuple):
    """The latest entry of a chain.

    Attributes:
        sequence: its number; the first entry of a chain has 1, and 0 is the head of an empty chain.
        digest: its SHA-256.
    """

    writer: str
    sequence: int
    digest: bytes

    def to_json(self) -> list[Any]:
        """Return the head as a JSON array: writer, sequence, digest."""
        return [self.writer, self.sequence, base64url.encode(self.digest)]


def read_head(value: object) -> Head:
    """Read a head from its JSON array.

    Raises:
        ValueError: it is none.
    """
    match value:
        case [str(writer), int(sequence), str(digest)]:
            return Head(writer, sequence, base64url.decode(digest))
    raise ValueError("a head must be an array of writer, sequence and digest")


def empty(writer: str) -> Head:
    """Return the head of a chain without entries. It differs by writer, so no entry fits two chains."""
    return Head(writer, 0, hashlib.sha256(f"doorward journal {writer}".encode()).digest())


class Chain:
    """Adds entries to the chain of `writer`, which exactly one process writes."""

    def __init__(self, writer: str) -> None:
        self.head = empty(writer)

    def append(self, event: Event | EncodedEvent) -> bytes:
        """Add an event, and return the entry: a line of JSON without its end."""
        before = self.head
        sequence = before.sequence + 1
        entry = event.entry(base64url.encode(before.digest), sequence)
        self.head = Head(before.writer, sequence, digest_of(entry))
        return entry


def digest_of(entry: bytes) -> bytes:
    """Return the SHA-256 of an entry."""
    return hashlib.sha256(entry).digest()


def read_entry(entry: bytes) -> dict[str, Any]:
    """Return the members of an entry.

    Raises:
        ValueError: it is not a JSON object, or lacks its sequence, its time, its kind, or the digest of the
            entry before.
    """
    try:
        members = json.loads(entry)
    except RecursionError as error:
        raise ValueError("the entry is nested too deeply") from error
    if not isinstance(members, dict):
        raise ValueError("an entry must be a JSON object")
    for name, kind in (("sequence", int), ("time_ms", int), ("kind", str), ("previous", str)):
        if not isinstance(members.get(name), kind):
            raise ValueError(f"the entry has no {name}")
    return members

"""Entries that are written together, and their form in a file. Pure.

A frame in a file is a line with the length and the CRC-32 of its content, the content, and a line end. What
was written only in part, because the process or the machine stopped, does not fit its line.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from shared import base64url
from shared.journal.chain import Head, digest_of, read_entry, read_head
from shared.journal.event import EventKind

MAX_FRAME_BYTES = 30_000
_MAX_LINE = 40
_ENDS = (EventKind.CALL_COMPLETED, EventKind.CALL_UNKNOWN)


@dataclass(frozen=True, slots=True)
class Frame:
    """Consecutive entries of a chain.

    Attributes:
        lines: the entries, joined by line ends.
        last: the last entry.
        begun, ended: the numbers of the calls that begin and end in it.
    """

    lines: bytes
    last: Head
    begun: tuple[int, ...] = ()
    ended: tuple[int, ...] = ()

    @property
    def entries(self) -> int:
        """How many entries it has."""
        return self.lines.count(b"\n") + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """The state of a chain before the first entry of a file.

    Attributes:
        head: the entry before; all up to it were delivered.
        open_calls: those that had begun and not ended.
        heads: of the chains of the authorization server.
    """

    head: Head
    open_calls: frozenset[int] = frozenset()
    heads: tuple[Head, ...] = ()

    def to_content(self) -> bytes:
        """Return the content of the first frame."""
        members = {
            "head": self.head.to_json(),
            "open": sorted(self.open_calls),
            "heads": [head.to_json() for head in self.heads],
        }
        return json.dumps(members).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The content of a file, as far as it was written.

    Attributes:
        open_calls: those that have begun and not ended.
        heads: of the chains of the authorization server, as the last entries name them.
    """

    beginning: Beginning
    frames: tuple[Frame, ...] = ()
    open_calls: frozenset[int] = field(default_factory=frozenset)
    heads: tuple[Head, ...] = ()

    @property
    def head(self) -> Head:
        """The last entry."""
        return self.frames[-1].last if self.frames else self.beginning.head


def encoded(content: bytes) -> bytes:
    """Return a content as a frame of a file."""
    return b"%d %08x\n%b\n" % (len(content), zlib.crc32(content), content)


def contents(data: bytes) -> Contents | None:
    """Return what a file contains, up to the first frame that does not fit; None if that is the first."""
    parts = _parts(data)
    try:
        beginning = _beginning(next(parts))
    except (StopIteration, ValueError, KeyError, TypeError):
        return None
    frames = tuple(_frames(parts, beginning.head))
    open_calls, heads = set(beginning.open_calls), {head.writer: head for head in beginning.heads}
    for frame in frames:
        open_calls.update(frame.begun)
        open_calls.difference_update(frame.ended)
        heads.update((head.writer, head) for head in _witnessed(frame))
    return Contents(
        beginning=beginning, frames=frames, open_calls=frozenset(open_calls), heads=tuple(heads.values())
    )


def _parts(data: bytes) -> Iterator[bytes]:
    position = 0
    while (end := data.find(b"\n", position, position + _MAX_LINE)) >= 0:
        length, _, checksum = data[position:end].partition(b" ")
        if not length.isdigit():
            return
        content = data[end + 1 : end + 1 + int(length)]
        position = end + 2 + int(length)
        if b"%08x" % zlib.crc32(content) != checksum or data[position - 1 : position] != b"\n":
            return
        yield content


def _beginning(content: bytes) -> Beginning:
    members: dict[str, Any] = json.loads(content)
    return Beginning(
        head=read_head(members["head"]),
        open_calls=frozenset(map(int, members["open"])),
        heads=tuple(map(read_head, members["heads"])),
    )


def _frames(parts: Iterable[bytes], head: Head) -> Iterator[Frame]:
    """Yield the frames, as long as they continue the chain."""
    for content in parts:
        begun: list[int] = []
        ended: list[int] = []
        for line in content.split(b"\n"):
            try:
                entry = read_entry(line)
            except ValueError:
                return
            if entry["previous"] != base64url.encode(head.digest):
                return
            head = Head(head.writer, entry["sequence"], digest_of(line))
            if entry["kind"] == EventKind.CALL_BEGUN:
                begun.append(entry["call"])
            elif entry["kind"] in _ENDS:
                ended.append(entry["call"])
        yield Frame(content, head, tuple(begun), tuple(ended))


def _witnessed(frame: Frame) -> Iterator[Head]:
    for line in frame.lines.split(b"\n"):
        if b'"journal.witness"' in line:
            yield from map(read_head, read_entry(line).get("heads", []))

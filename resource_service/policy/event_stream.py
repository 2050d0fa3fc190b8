"""Server-sent events as bytes: finding their ends and replacing their data. Pure.

The WHATWG HTML standard, §9.2.5: lines end with CR LF, LF or CR; an event ends with an empty line.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_END_OF_LINE = rb"(?:\r\n|\n|\r(?!\n))"
_END_OF_EVENT = re.compile(_END_OF_LINE + rb"\r?\n|" + _END_OF_LINE + rb"\r")
_LINES = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r)?")
_DATA = re.compile(rb"data(?::[ ]?|(?=[\r\n]|\Z))")
_LONGEST_END = 4


class Events:
    """Splits a stream into events as it arrives.

    Args:
        edit: returns the replacement for the data of an event, or None to keep it.
        max_bytes: the maximum size of an event.
        drop: whether a larger one is left out; otherwise it passes unedited.
    """

    def __init__(self, edit: Callable[[bytes], bytes | None], *, max_bytes: int, drop: bool = False) -> None:
        self._edit = edit
        self._drop = drop
        self._max_bytes = max_bytes
        self._held = b""
        self._searched = 0
        self._passing = False

    def feed(self, chunk: bytes) -> bytes:
        """Process `chunk`, and return what can be forwarded now."""
        self._held += chunk
        passed = []
        while end := _END_OF_EVENT.search(self._held, self._searched):
            event, self._held = self._held[: end.end()], self._held[end.end() :]
            passed.append(self._oversized(event) if self._passing else edited(event, self._edit))
            self._searched, self._passing = 0, False
        if len(self._held) > self._max_bytes:
            self._passing = True
        if self._passing:
            passed.append(self._oversized(self._held[:-_LONGEST_END]))
            self._held = self._held[-_LONGEST_END:]
        self._searched = max(0, len(self._held) - _LONGEST_END)
        return b"".join(passed)

    def rest(self) -> bytes:
        """Return what follows the last event."""
        held, self._held = self._held, b""
        return b"" if self._drop else held

    def _oversized(self, part: bytes) -> bytes:
        return b"" if self._drop else part


def edited(event: bytes, edit: Callable[[bytes], bytes | None]) -> bytes:
    """Return `event` with edited data; its other lines, and the event if nothing changes, stay the same."""
    lines = [line for line in _LINES.findall(event) if line]
    data = [line for line in lines if _DATA.match(line)]
    if not data:
        return event
    text = b"\n".join(_DATA.sub(b"", line, count=1).rstrip(b"\r\n") for line in data)
    if (replaced := edit(text)) is None:
        return event
    first = lines.index(data[0])
    ending = data[0][len(data[0].rstrip(b"\r\n")) :]
    before, after = lines[:first], [line for line in lines[first:] if not _DATA.match(line)]
    return b"".join([*before, b"data: ", replaced, ending, *after])

"""The `traceparent` header (W3C Trace Context §3.2). Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

HEADER = "traceparent"
HEADER_NAME = HEADER.encode()
STATE_NAME = b"tracestate"

MAX_LENGTH = 128
# Version 00, and the same members of later versions (§3.2.4).
_FORM = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?", re.S
)


class Parent(NamedTuple):
    """The span that a request is a part of, as its sender names it."""

    trace_id: str
    span_id: str
    sampled: bool


def parse_traceparent(text: str) -> Parent | None:
    """Return the parent that a header names; None if it is malformed."""
    match = _FORM.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if match is None or (text.startswith("00-") and len(text) != 55):
        return None
    return Parent(match[1], match[2], bool(int(match[3], 16) & 1))


def format_traceparent(trace_id: str, span_id: str, *, sampled: bool) -> str:
    """Return the header for a request that is a part of the span."""
    return f"00-{trace_id}-{span_id}-{'01' if sampled else '00'}"

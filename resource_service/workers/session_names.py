"""Session ids that begin with the name of a worker. Pure: header fields in, header fields out."""

from __future__ import annotations

import re

Fields = list[tuple[bytes, bytes]]

HEADER = b"mcp-session-id"
_NAMED = re.compile(rb"([0-9a-f]{16})-(.+)\Z")


def worker_of(fields: Fields) -> str | None:
    """Return the name of the worker whose session a request names; None without exactly one such header."""
    stated = [value for name, value in fields if name == HEADER]
    named = _NAMED.match(stated[0]) if len(stated) == 1 else None
    return named[1].decode("ascii") if named else None


def without_worker(fields: Fields) -> Fields:
    """Return the fields of a request as the application that created the session expects them."""
    return [(name, _NAMED.sub(rb"\2", value) if name == HEADER else value) for name, value in fields]


def with_worker(fields: Fields, worker: str) -> Fields:
    """Return the fields of a response in which session ids begin with the name of `worker`."""
    return [
        (name, b"%b-%b" % (worker.encode("ascii"), value) if name.lower() == HEADER else value)
        for name, value in fields
    ]

"""Session ids that begin with the name of a worker. Pure: header fields in, header fields out."""

from __future__ import annotations

import re

Fields = list[tuple[bytes, bytes]]

HEADER = b"mcp-session-id"
SENDER = b"doorward-sender"
"""The address of the client, in a request that a worker passes on; never accepted from a client."""

PASSED_ON = b"doorward-passed-on"
"""In a request that one replica passes on to another, which passes it on to none."""

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


def with_sender(fields: Fields, client: tuple[str, int] | None) -> Fields:
    """Return the fields of a request that is passed on for `client`, its address and port."""
    others = [field for field in fields if field[0] != SENDER]
    return [*others, (SENDER, f"{client[0]} {client[1]}".encode("ascii"))] if client else others


def with_mark(fields: Fields) -> Fields:
    """Return the fields of a request that no other replica passes on."""
    return [*(field for field in fields if field[0] != PASSED_ON), (PASSED_ON, b"1")]


def is_passed_on(fields: Fields) -> bool:
    """Whether another replica passes this request on."""
    return any(name == PASSED_ON for name, _ in fields)


def without_sender(fields: Fields) -> tuple[Fields, tuple[str, int] | None]:
    """Return the fields of a request that was passed on, and the client that another worker added."""
    others, sender = list[tuple[bytes, bytes]](), None
    for name, value in fields:
        if name == SENDER:
            host, _, port = value.decode("latin-1").rpartition(" ")
            sender = (host, int(port)) if port.isdecimal() else None
        else:
            others.append((name, value))
    return others, sender

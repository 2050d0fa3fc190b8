"""Entries on their way from a resource server to the authorization server, which keeps them by chain.

The body of a request has a line of JSON with the name of the chain, and then the writes of the chain: the
lines of each, with an empty line before it. Entries are sent as the bytes that their digests were computed
from. Pure.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from shared.journal.event import EventKind

EVENTS_PATH = "/events"
MEDIA_TYPE = "application/x-ndjson"
MAX_BYTES = 60_000
"""The maximum of one request, so that it fits a request body of 64 KiB."""
MAX_NAME = 128

DELIVERED = frozenset(
    {
        *(EventKind.OPENED, EventKind.WITNESS, EventKind.GAP),
        *(EventKind.CALL_BEGUN, EventKind.CALL_COMPLETED, EventKind.CALL_REFUSED, EventKind.CALL_UNKNOWN),
        *(EventKind.DEFINITIONS_PINNED, EventKind.DEFINITION_HELD, EventKind.DEFINITION_APPROVED),
    }
)
"""The events that a resource server of this release records."""
FAMILIES = ("call", "definition", "definitions", "resource_server", "task", "tool", "upstream")
"""The first words of the kinds that resource servers record, in this release and in later ones.

No kind of the authorization server begins so: no event of a resource server is taken for one of its own.
"""
ALWAYS_ACCEPTED = frozenset(kind for kind in DELIVERED if kind.partition(".")[0] in ("call", "journal"))
"""The kinds that every release accepts."""

_LATER_KIND = re.compile(rf"(?:{'|'.join(FAMILIES)})\.[a-z_]{{1,32}}")
_CHAIN = re.compile(r"(?P<server>[A-Za-z0-9_-]{1,64})\.(?P<process>[A-Za-z0-9_-]{16,32})\.[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class Delivery:
    """Consecutive writes of one chain.

    Attributes:
        writes: the entries of each write, joined by line ends.
    """

    chain: str
    writes: tuple[bytes, ...]

    def to_wire(self) -> bytes:
        """Return the body of the request."""
        return b"\n\n".join([json.dumps({"chain": self.chain}).encode(), *self.writes])


def read_delivery(body: bytes) -> Delivery:
    """Read the body of a request.

    Raises:
        ValueError: it is not a delivery.
    """
    head, *writes = body.split(b"\n\n")
    try:
        members = json.loads(head)
    except RecursionError as error:
        raise ValueError("the first line is nested too deeply") from error
    chain = members.get("chain") if isinstance(members, dict) else None
    if not isinstance(chain, str) or not _CHAIN.fullmatch(chain):
        raise ValueError("the first line must be a JSON object that names the chain")
    if not all(writes):
        raise ValueError("a write must have entries")
    return Delivery(chain, tuple(writes))


def chain_name(server_id: str, process: str) -> str:
    """Return the name of the first chain of a process of a resource server."""
    return f"{server_id}.{process}.0"


def next_name(chain: str) -> str:
    """Return the name of the chain of the same process that takes the place of another one."""
    process, _, number = chain.rpartition(".")
    return f"{process}.{int(number) + 1}"


def may_be_delivered(kind: str) -> bool:
    """Whether a resource server may record events of a kind, which may be one of a later release."""
    return kind in DELIVERED or _LATER_KIND.fullmatch(kind) is not None


def is_delivered(chain: str) -> bool:
    """Whether a chain is that of a resource server: it has no checkpoints, but those of others name it."""
    return "." in chain


def server_of(chain: str) -> str:
    """Return the id of the resource server that writes a chain."""
    return chain.partition(".")[0]


def process_of(chain: str) -> str:
    """Return the part of a chain's name that all chains of one process share."""
    return chain.rpartition(".")[0]

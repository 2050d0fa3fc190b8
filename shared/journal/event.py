"""An event of the journal, and its canonical form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from json.encoder import encode_basestring
from typing import Any

EncodedMembers = Mapping[str, str]
"""Maps the name of a member to its canonical form, which begins with the name; see `encoded_members`."""

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode


class EventKind(StrEnum):
    """The kinds of events."""

    OPENED = "journal.opened"
    CHECKPOINT = "journal.checkpoint"
    TRIMMED = "journal.trimmed"
    GAP = "journal.gap"
    READ = "journal.read"
    WITNESS = "journal.witness"
    CLIENT_REGISTERED = "client.registered"
    CLIENT_CHANGED = "client.changed"
    CLIENT_DELETED = "client.deleted"
    ACCOUNT = "account"
    LOGIN = "login"
    CONSENT = "consent"
    GRANT_OPENED = "grant.opened"
    TOKENS_ISSUED = "tokens.issued"
    TOKENS_REFUSED = "tokens.refused"
    GRANT_NARROWED = "grant.narrowed"
    GRANT_REVOKED = "grant.revoked"
    ADMINISTRATION = "administration"
    CALL_BEGUN = "call.begun"
    CALL_COMPLETED = "call.completed"
    CALL_REFUSED = "call.refused"
    CALL_UNKNOWN = "call.unknown"
    DEFINITIONS_PINNED = "definitions.pinned"
    DEFINITION_HELD = "definition.held"
    DEFINITION_APPROVED = "definition.approved"


def kind_of(text: str) -> EventKind | str:
    """Return the kind of an entry, which another release may have written."""
    try:
        return EventKind(text)
    except ValueError:
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A decision about somebody or something known.

    Attributes:
        time_ms: milliseconds since 1970.
        members: the other members, such as `subject`, `client_id`, `grant_id`, `reason_code`; text, whole
            numbers, booleans, lists and objects of these. People are named by their subject only, so that an
            account can be deleted without breaking the chain (JR-3).
    """

    kind: EventKind | str
    time_ms: int
    members: Mapping[str, Any] = field(default_factory=dict)

    @property
    def call(self) -> int:
        """The number of the call, for an event about one."""
        number: int = self.members["call"]
        return number

    def entry(self, previous: str, sequence: int) -> bytes:
        """Return the canonical form of the event as an entry of a chain; members that are None are left out.

        Args:
            previous: the digest of the entry before, in base64url.
        """
        members = {name: value for name, value in self.members.items() if value is not None}
        return canonical(
            {
                **members,
                "kind": str(self.kind),
                "time_ms": self.time_ms,
                "previous": previous,
                "sequence": sequence,
            }
        )


@dataclass(slots=True, kw_only=True)
class EncodedEvent:
    """An event whose members are encoded already, because many events share them.

    Attributes:
        call: the number of the call, for an event about one; otherwise 0.
        members: as those of `Event`, without what `entry` adds.
    """

    kind: EventKind
    time_ms: int
    call: int
    members: EncodedMembers

    def entry(self, previous: str, sequence: int) -> bytes:
        """Return the same as `Event.entry`."""
        members = [
            *self.members.values(),
            f'"kind":"{self.kind}"',
            f'"previous":"{previous}"',
            f'"sequence":{sequence}',
            f'"time_ms":{self.time_ms}',
        ]
        # Names consist of letters and underscores, and the quote that ends them sorts before those.
        members.sort()
        return f"{{{','.join(members)}}}".encode()


def encoded_members(members: Mapping[str, Any]) -> dict[str, str]:
    """Return members in their canonical form, to be put together by `EncodedEvent`; without those None.

    Raises:
        ValueError, TypeError: as `canonical`.
    """
    return {name: f'"{name}":{_encoded_value(value)}' for name, value in members.items() if value is not None}


def _encoded_value(value: object) -> str:
    if type(value) is int:
        return str(value)
    return encode_basestring(value) if isinstance(value, str) else _encode(value)


def canonical(value: Mapping[str, Any]) -> bytes:
    """Return the one encoding of a JSON object that digests and signatures are computed from.

    Members are sorted by name, without spaces, as UTF-8. The journal contains no fractions, so this is the
    form of RFC 8785 for names in the Basic Multilingual Plane.

    Raises:
        ValueError: a number is NaN or infinite, or text contains lone surrogates.
        TypeError: a value has no form in JSON.
    """
    return _encode(value).encode()

"""An event of the journal, and its canonical form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

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
    GRANT_REVOKED = "grant.revoked"
    ADMINISTRATION = "administration"
    CALL_BEGUN = "call.begun"
    CALL_COMPLETED = "call.completed"
    CALL_REFUSED = "call.refused"
    CALL_UNKNOWN = "call.unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A decision about somebody or something known.

    Attributes:
        time_ms: milliseconds since 1970.
        members: the other members, such as `subject`, `client_id`, `grant_id`, `reason_code`; text, whole
            numbers, booleans, lists and objects of these. People are named by their subject only, so that an
            account can be deleted without breaking the chain (JR-3).
    """

    kind: EventKind
    time_ms: int
    members: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the event as a JSON object; members that are None are left out."""
        members = {name: value for name, value in self.members.items() if value is not None}
        return {**members, "kind": self.kind.value, "time_ms": self.time_ms}


def canonical(value: Mapping[str, Any]) -> bytes:
    """Return the one encoding of a JSON object that digests and signatures are computed from.

    Members are sorted by name, without spaces, as UTF-8. The journal contains no fractions, so this is the
    form of RFC 8785 for names in the Basic Multilingual Plane.

    Raises:
        ValueError: a number is NaN or infinite, or text contains lone surrogates.
        TypeError: a value has no form in JSON.
    """
    return _encode(value).encode()

"""An alert, and its signature."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

SIGNATURE_HEADER = "Doorward-Signature"


class AlertKind(StrEnum):
    """Reasons to tell the operator."""

    TOKEN_REUSE = "token_reuse"  # noqa: S105 -- no secret
    REVOCATION_FEED_GAP = "revocation_feed_gap"
    STORE_PROBLEM = "store_problem"
    JOURNAL_CHANGED = "journal_changed"
    JOURNAL_GAP = "journal_gap"
    JOURNAL_QUOTA = "journal_quota"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that needs a person.

    Attributes:
        summary: one sentence.
        about: distinguishes alerts of one kind; the same ones are sent once an hour.
        details: without names, addresses and secrets.
    """

    kind: AlertKind
    summary: str
    about: str
    details: Mapping[str, str] = field(default_factory=dict)

    def to_json(self, alert_id: str, issuer: str, time_s: int) -> bytes:
        """Return the body of the request."""
        return json.dumps(
            {
                "id": alert_id,
                "kind": self.kind.value,
                "time": time_s,
                "issuer": issuer,
                "summary": self.summary,
                "details": dict(self.details),
            }
        ).encode()


def signature(secret: bytes, time_s: int, body: bytes) -> str:
    """Return the signature header: HMAC-SHA256 of the time, a dot and the body, against repetition."""
    digest = hmac.new(secret, b"%d.%b" % (time_s, body), hashlib.sha256).hexdigest()
    return f"t={time_s},v1={digest}"

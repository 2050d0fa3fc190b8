"""The identity and the outcome of an event, as exports state them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.journal.event import EventKind

CALL = "call"
"""The kind of a call with its outcome, which two events record."""
NOT_ENDED = "not ended"
"""The result of a call whose end is not in the journal (yet)."""
_FAILURES = frozenset(
    {EventKind.TOKENS_REFUSED, EventKind.CALL_REFUSED, EventKind.GAP, EventKind.DEFINITION_HELD}
)
_UNKNOWN = frozenset({EventKind.CALL_BEGUN, EventKind.CALL_UNKNOWN})
_UNKNOWN_RESULTS = ("unknown", NOT_ENDED)
_FAILED_RESULTS = ("error", "refused", "failed", "cut off")


def event_uid(event: Mapping[str, Any]) -> str:
    """Return the identity of an event: its chain and its number there."""
    return f"{event['chain']}:{event['sequence']}"


def has_failed(event: Mapping[str, Any]) -> bool | None:
    """Return whether a request was refused or failed; None if the outcome is not known."""
    kind = event["kind"]
    if kind in _UNKNOWN or event.get("result") in _UNKNOWN_RESULTS:
        return None
    if kind == EventKind.CONSENT:
        return event.get("allowed") is False
    return kind in _FAILURES or event.get("result") in _FAILED_RESULTS

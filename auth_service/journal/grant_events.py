"""The events about a grant: it was opened, its tokens were issued, it lost scopes, it was revoked."""

from __future__ import annotations

from typing import Any

from auth_service.protocol.grant import Grant
from auth_service.protocol.narrowed_grants import lost_scopes
from shared.journal.event import EventKind

TAKING_ACCESS = frozenset({EventKind.GRANT_NARROWED, EventKind.GRANT_REVOKED})
"""Decisions that go ahead while the journal waits for room in the store."""


def opening(grant: Grant) -> tuple[EventKind, dict[str, Any]]:
    """Return the event of a new grant: with its code, or already with its tokens."""
    kind = EventKind.GRANT_OPENED if grant.state == "code" else EventKind.TOKENS_ISSUED
    return kind, {
        **_about(grant),
        "scopes": list(grant.scopes),
        "session": grant.session_id,
        "network": grant.source.network if grant.source else None,
        "browser": grant.source.browser if grant.source else None,
        "parents": list(grant.parent_grants) or None,
        "asserted_by": grant.assertion_issuer,
    }


def change(old: Grant, new: Grant) -> tuple[EventKind, dict[str, Any]] | None:
    """Return the event of a change; None for one that decides nothing, such as the time of the last use."""
    if new.state == "revoked":
        if old.state == "revoked":
            return None
        return EventKind.GRANT_REVOKED, {**_about(new), "reason": new.revocation_reason}
    if new.generation > old.generation:
        return EventKind.TOKENS_ISSUED, {
            **_about(new),
            "scopes": list(new.scopes_of(new.generation)),
        }
    if removed := lost_scopes(old, new):
        return EventKind.GRANT_NARROWED, {
            **_about(new),
            "scopes": list(new.scopes),
            "removed": list(removed),
        }
    return None


def _about(grant: Grant) -> dict[str, Any]:
    return {
        "grant": grant.grant_id,
        "generation": grant.generation,
        "subject": grant.subject,
        "client": grant.client_id,
        "resource": grant.resource,
        "actor": grant.act,
    }

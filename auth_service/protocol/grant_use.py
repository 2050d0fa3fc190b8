"""When a grant was last used, recorded at most every `USE_RECORDED_EVERY_S`."""

from __future__ import annotations

from auth_service.protocol.grant import Grant
from auth_service.protocol.lost_answers import awaits_confirmation, confirm
from shared.replacing import replace

USE_RECORDED_EVERY_S = 300
"""The resolution of the last use.

A token refresh counts as a use and is a write already. In between, a resource server looks up the token of a
busy client up to several times a minute; only few of these look-ups cause a write.
"""


def last_used_at(grant: Grant) -> int:
    """Return when the client last got or used a token (seconds since 1970)."""
    return max(grant.created_at, grant.issued_at, grant.used_at)


def is_worth_recording(grant: Grant, generation: int, now: int) -> bool:
    """Check whether the presentation of a token of `generation` changes the document of the grant."""
    return awaits_confirmation(grant, generation) or _is_use_due(grant, now)


def record_presented(grant: Grant, generation: int, now: int) -> tuple[Grant | None, bool]:
    """Record that a token of `generation` was presented; return whether that changed anything."""
    confirmed = confirm(grant, generation)[0]
    current = confirmed or grant
    if _is_use_due(current, now):
        return replace(current, used_at=now), True
    return confirmed, confirmed is not None


def _is_use_due(grant: Grant, now: int) -> bool:
    return grant.state == "active" and now >= last_used_at(grant) + USE_RECORDED_EVERY_S

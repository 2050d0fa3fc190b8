"""The members of a token response (RFC 6749 §5.1)."""

from __future__ import annotations

from typing import Any

from auth_service.protocol.grant import Grant
from shared.scopes import format_scope


def token_members(grant: Grant, grace_s: int) -> dict[str, Any]:
    """Return the members of a token response that are not tokens (RFC 6749 §5.1)."""
    lifetime = grant.access_expires_at - grant.issued_at
    # A replay inside the grace window repeats the same bytes, so it must not promise a lifetime that the
    # token no longer has by then: clients that trust expires_in would get a 401 and start over. Subtract at
    # least a second: the lifetime counts from the start of the second in which the token was issued.
    promised = lifetime - max(1, min(grace_s, lifetime // 10))
    return {
        "token_type": "DPoP" if grant.jkt else "Bearer",
        "expires_in": max(1, promised),
        "scope": format_scope(grant.scopes_of(grant.generation)),
    }

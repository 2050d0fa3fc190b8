"""When the response to a refresh counts as lost, and what a retry gets (DESIGN D3)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auth_service.protocol.grant import Grant

LOST_ANSWER_S = 86_400
"""The longest time for which a response to a refresh counts as lost while none of its tokens is presented."""


def may_be_lost(grant: Grant, now: int, grace_s: int) -> bool:
    """Check whether the previous refresh token is still accepted although the grace window has passed."""
    # RFC 9700 §4.14.2: reuse is detectable once two parties hold tokens. Until a successor token is
    # presented, the most likely cause is that the response never arrived
    # (docs/decisions/authorization-server.md).
    if grace_s == 0 or grant.unconfirmed_since == 0:
        return False
    return now <= grant.unconfirmed_since + LOST_ANSWER_S and now < grant.refresh_expires_at


def answered_again(grant: Grant, access_s: int, now: int) -> Grant:
    """Return the same generation, with the same refresh token, and an access token that is valid from now.

    Args:
        access_s: the lifetime of an access token, in seconds.
    """
    access_expires_at = min(now + access_s, grant.expires_at)
    until, generation = grant.narrowed_until, str(grant.generation)
    if until and generation in until:
        # Otherwise the narrowing would be dropped before the token that it narrows expires.
        until = {**until, generation: access_expires_at}
    return replace(grant, issued_at=now, access_expires_at=access_expires_at, narrowed_until=until)


def awaits_confirmation(grant: Grant, generation: int) -> bool:
    """Check whether a token of `generation` is the first proof that its response arrived."""
    return grant.unconfirmed_since > 0 and grant.generation == generation and grant.state == "active"


def confirm(grant: Grant, generation: int) -> tuple[Grant | None, bool]:
    """Record that a token of `generation` was presented; return whether it was the first."""
    if not awaits_confirmation(grant, generation):
        return None, False
    return replace(grant, unconfirmed_since=0), True

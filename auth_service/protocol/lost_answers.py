"""When the answer to a refresh counts as lost, and what is answered then (DESIGN D3)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auth_service.protocol.grant import Grant

LOST_ANSWER_S = 86_400
"""The longest time after a refresh in which its answer counts as lost while nothing of it was presented."""


def may_be_lost(grant: Grant, now: int, grace_s: int) -> bool:
    """Whether the refresh token before the current one is answered although the grace window has passed."""
    # RFC 9700 §4.14.2: reuse shows once two parties hold tokens. While nobody has shown one of the successor,
    # the likeliest is that its answer never arrived (docs/decisions/authorization-server.md).
    if grace_s == 0 or grant.unconfirmed_since == 0:
        return False
    return now <= grant.unconfirmed_since + LOST_ANSWER_S and now < grant.refresh_expires_at


def answered_again(grant: Grant, access_s: int, now: int) -> Grant:
    """The same generation, and so the same refresh token, with an access token that lives from now on.

    Args:
        access_s: the lifetime of an access token, in seconds.
    """
    access_expires_at = min(now + access_s, grant.expires_at)
    until, generation = grant.narrowed_until, str(grant.generation)
    if until and generation in until:
        # Else the narrowing would be forgotten before the token that it narrows has expired.
        until = {**until, generation: access_expires_at}
    return replace(grant, issued_at=now, access_expires_at=access_expires_at, narrowed_until=until)


def awaits_confirmation(grant: Grant, generation: int) -> bool:
    """Whether a token of `generation` that is presented shows for the first time that its answer arrived."""
    return grant.unconfirmed_since > 0 and grant.generation == generation and grant.state == "active"


def confirm(grant: Grant, generation: int) -> tuple[Grant | None, bool]:
    """Note that something of `generation` was presented; says whether that was news."""
    if not awaits_confirmation(grant, generation):
        return None, False
    return replace(grant, unconfirmed_since=0), True

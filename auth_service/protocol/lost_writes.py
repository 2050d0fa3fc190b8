"""Tokens that are newer than the stored grant: the store lost the writes in between (DESIGN D3).

A failover to a replica that lags, or a restored backup, takes a grant back to an earlier generation. A
genuine token of a later one proves that this generation was issued, so the grant moves forward to it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from auth_service.protocol.grant import Grant, Lifetimes


class PresentedToken(Protocol):
    """The contents of a genuine, unexpired token."""

    @property
    def is_access_token(self) -> bool:
        """Whether it is an access token."""
        ...

    @property
    def is_refresh_token(self) -> bool:
        """Whether it is a refresh token."""
        ...

    @property
    def generation(self) -> int:
        """The rotation of the grant that the token belongs to; the first is 1."""
        ...

    @property
    def expires_at(self) -> int:
        """The expiry, in seconds since 1970."""
        ...

    @property
    def narrowed(self) -> bool:
        """Whether an access token has fewer scopes than its grant (RFC 6749 §6)."""
        ...

    @property
    def bound(self) -> bool:
        """Whether the token is bound to a DPoP key (RFC 9449)."""
        ...


def restrictions_known(grant: Grant, token: PresentedToken) -> bool:
    """Check whether the grant still records the scope and the key to which the token is restricted.

    Without the record, the token would be good for every scope of the grant, or for anyone who holds it.
    """
    if token.is_access_token and token.narrowed and str(token.generation) not in (grant.narrowed or {}):
        return False
    return not token.bound or _key(grant) is not None


def caught_up(
    grant: Grant, token: PresentedToken, lifetimes: Lifetimes, now: int, *, may_rebind: bool = False
) -> Grant:
    """Return the grant in the generation of a genuine token that is newer; else the grant as it is.

    The new generation is unconfirmed until that is written. A code is never newer, and a grant that does not
    exist is not created: it may have been revoked.

    Args:
        may_rebind: whether the token may move to another key, because the client was authenticated.
    """
    newer = token.is_access_token or token.is_refresh_token
    if not newer or grant.state == "revoked" or token.generation <= grant.generation:
        return grant
    if not restrictions_known(grant, token) and not may_rebind:
        return grant
    lifetime_s = lifetimes.access_s if token.is_access_token else lifetimes.refresh_idle_s
    # If the end of the grant cut the lifetime, this is too early, which at most shortens the grace window.
    # If lifetimes were longer then, it would lie ahead, and superseded tokens would be in the grace window.
    issued_at = max(grant.issued_at, min(token.expires_at - lifetime_s, now))
    refresh_expires_at = min(issued_at + lifetimes.refresh_idle_s, grant.expires_at)
    return replace(
        grant,
        state="active",
        generation=token.generation,
        issued_at=issued_at,
        access_expires_at=min(issued_at + lifetimes.access_s, grant.expires_at),
        refresh_expires_at=refresh_expires_at if grant.refreshable else 0,
        jkt=_key(grant),
        unconfirmed_since=issued_at,
    )


def advanced(stored: Grant, newest: Grant) -> Grant:
    """Return the stored grant in the generation of `newest`, the same grant after `caught_up`, if newer."""
    if stored.state == "revoked" or newest.generation <= stored.generation:
        return stored
    return replace(
        stored,
        state=newest.state,
        generation=newest.generation,
        issued_at=newest.issued_at,
        access_expires_at=newest.access_expires_at,
        refresh_expires_at=newest.refresh_expires_at,
        jkt=newest.jkt,
        unconfirmed_since=newest.unconfirmed_since,
    )


def _key(grant: Grant) -> str | None:
    # A code that is bound to a key is redeemed with that key (RFC 9449 §10), also if the redemption is lost.
    return grant.code_jkt if grant.state == "code" else grant.jkt

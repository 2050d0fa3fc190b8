"""Grants with fewer scopes than before (ID-4, GW-3); never widens a grant."""

from __future__ import annotations

from collections.abc import Callable, Collection

from auth_service.protocol.errors import InvalidGrantError, OAuthError
from auth_service.protocol.grant import Grant, Outcome, revoked
from auth_service.protocol.reasons import Reason
from shared.replacing import replace
from shared.scopes import format_scope, parse_scope

NOT_GRANTED = "the user may not use this resource"


class AccessNotGrantedError(InvalidGrantError):
    """The access rules give the person nothing at the resource."""

    def __init__(self) -> None:
        super().__init__(Reason.ACCESS_NOT_GRANTED, NOT_GRANTED)


def within(
    rule: Callable[[Grant], Outcome], narrow: Callable[[Grant], Grant | None]
) -> Callable[[Grant], Outcome]:
    """Return `rule`, applied to the grant after it is narrowed to what its person may still hold.

    If nothing remains, a request that the rule would accept ends the grant. A request that the rule refuses
    has its usual effect only: nobody can end a grant with another client's token.
    """

    def narrowed_rule(grant: Grant) -> Outcome:
        narrowed = narrow(grant)
        if narrowed is None:
            document, result = rule(grant)
            if isinstance(result, OAuthError):
                return document, result
            return revoked(grant, NOT_GRANTED), AccessNotGrantedError()
        document, result = rule(narrowed)
        if document is None and result is narrowed and narrowed is not grant:
            return narrowed, narrowed  # the response is repeated, but with fewer scopes
        return document, result

    return narrowed_rule


def with_scopes(grant: Grant, kept: Collection[str]) -> Grant:
    """Return the grant with only those of its scopes that are in `kept`; so do its narrowed access tokens."""
    scopes = tuple(scope for scope in grant.scopes if scope in kept)
    if scopes == grant.scopes:
        return grant
    # A generation without scopes stays listed: without its entry, its token would have those of the grant.
    narrowed = {
        generation: format_scope(scope for scope in parse_scope(text) if scope in scopes)
        for generation, text in (grant.narrowed or {}).items()
    }
    return replace(grant, scopes=scopes, narrowed=narrowed or None)


def within_parent(grant: Grant, parent: Grant) -> Grant | None:
    """Return a derived grant (RFC 8693) with what `parent` still has of it; None if nothing remains.

    The scopes of a derived grant were all held by its parents, so it loses what they lose, even if the
    exchange was in progress when they lost it.
    """
    if parent.state != "active":
        return None
    limited = with_scopes(grant, parent.scopes)
    return None if grant.scopes and not limited.scopes else limited


def lost_scopes(old: Grant, new: Grant) -> tuple[str, ...]:
    """Return the scopes that the tokens of an active grant lose when it changes from `old` to `new`."""
    if old.state != "active" or new.state != "active":
        return ()
    return tuple(scope for scope in old.scopes if scope not in new.scopes)

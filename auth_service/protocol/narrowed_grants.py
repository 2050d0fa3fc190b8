"""Applies the rules of a grant within its person's current access (ID-4); never widens a grant."""

from __future__ import annotations

from collections.abc import Callable

from auth_service.protocol.errors import InvalidGrantError, OAuthError
from auth_service.protocol.grant import Grant, Outcome, revoked
from auth_service.protocol.reasons import Reason

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

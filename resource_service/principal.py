"""The principal that a request acts for, after its token has been validated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from starlette.types import Scope

from resource_service.errors import invalid_token
from resource_service.reasons import Reason
from shared.introspection import ActiveToken
from shared.uris import resource_key

_KEY = "doorward.principal"

PrincipalKey = tuple[str, str | None, str]
"""Issuer, subject and client: the owner of a session."""

PersonKey = tuple[str, str]
"""The issuer, with the user or the client that acts for itself: the subject of limits (RS-16)."""


def person_of(key: PrincipalKey) -> PersonKey:
    """Return the person that limits apply to: the same person through every client."""
    issuer, subject, client_id = key
    return (issuer, f"subject:{subject}" if subject is not None else f"client:{client_id}")


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A user acting through a client, or a client acting for itself.

    The same one serves all requests with the same answer about their token.

    Attributes:
        subject: the user; None if the client acts for itself.
        expires_at: the expiry of the token, in seconds since 1970.
        grant_id: the grant's name in revocation events.
        parent_grants: the grants that this one was derived from; the token ends with any of them.
        acr: the authentication context of the login in which access was granted; None if unknown.
        auth_time: when that login was, in seconds since 1970; None if unknown.
        groups: those that concern this resource, if a policy names groups.
        act: who acts for the user (RFC 8693 §4.1).
        software: the names of the client's software; None unless a stop names software.
        token_scopes: the scopes of the token without which an open response ends, if those are not `scopes`:
            at a joined resource, those about one mount.
    """

    client_id: str
    scopes: tuple[str, ...]
    issuer: str
    expires_at: int
    subject: str | None = None
    username: str | None = None
    grant_id: str | None = None
    parent_grants: tuple[str, ...] = ()
    acr: str | None = None
    auth_time: int | None = None
    groups: tuple[str, ...] = ()
    act: Mapping[str, Any] | None = field(default=None, hash=False)
    software: tuple[str, ...] | None = None
    token_scopes: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """The name to show to people."""
        return self.username or self.subject or self.client_id

    @property
    def user(self) -> str | None:
        """The username; None if a client acts for itself or the name is unknown."""
        return None if self.subject is None else self.username

    @cached_property
    def owner(self) -> str:
        """The owner of stored data: a user's data is the same through every client."""
        return f"subject:{self.subject}" if self.subject is not None else f"client:{self.client_id}"

    @cached_property
    def grants(self) -> frozenset[str]:
        """Every grant that the token depends on; empty if the issuer does not name its grant."""
        return frozenset() if self.grant_id is None else frozenset((self.grant_id, *self.parent_grants))

    @cached_property
    def key(self) -> PrincipalKey:
        """The identity that stays the same from token to token: the owner of a session (RS-8)."""
        return (self.issuer, self.subject, self.client_id)

    @cached_property
    def person(self) -> PersonKey:
        """The person that limits apply to (RS-16)."""
        return person_of(self.key)

    def login_age_s(self, now: float) -> float | None:
        """Return the age of the login in which access was granted; None if unknown."""
        return None if self.auth_time is None else now - self.auth_time


def principal_of(token: ActiveToken, *, resource: str, issuer: str) -> Principal:
    """Check that an active token is for this resource, and return its principal.

    What depends on the request is left to `check_use`.

    Args:
        resource: the URL of this resource.
        issuer: the only trusted issuer, compared byte for byte.

    Raises:
        Refusal: the token is from another issuer, or for another resource (RFC 8707 §2).
    """
    if token.issuer != issuer:
        raise invalid_token(
            Reason.TOKEN_OF_OTHER_ISSUER,
            "The access token is from another issuer.",
            detail=f"issuer {token.issuer}",
        )
    if not is_for(resource, token.audience):
        raise invalid_token(
            Reason.TOKEN_OF_OTHER_RESOURCE,
            "The access token is not for this resource.",
            detail=f"audience {token.audience}",
        )
    return Principal(
        client_id=token.client_id,
        scopes=token.scopes,
        issuer=token.issuer,
        expires_at=token.expires_at,
        subject=token.subject,
        username=token.username,
        grant_id=token.grant_id,
        parent_grants=token.parent_grants,
        acr=token.acr,
        auth_time=token.auth_time,
        groups=token.groups or (),
        act=token.act,
        software=token.software,
    )


def check_use(token: ActiveToken, *, now: float, jkt: str | None) -> None:
    """Check that an active token may be used now, and by this sender.

    Args:
        now: seconds since 1970.
        jkt: thumbprint of the key whose possession the request proves; None for a bearer token.

    Raises:
        Refusal: the token is expired, or was sent with the wrong scheme.
    """
    if token.expires_at <= now:
        raise invalid_token(
            Reason.TOKEN_EXPIRED, "The access token has expired.", detail=f"expired at {token.expires_at}"
        )
    _check_possession(token.jkt, jkt)


def remember(scope: Scope, principal: Principal) -> None:
    """Store the principal on the request's scope."""
    scope[_KEY] = principal


def principal_in(scope: Scope) -> Principal:
    """Return the principal of a request that has passed the guard; KeyError for any other request."""
    principal = scope[_KEY]
    if not isinstance(principal, Principal):
        raise TypeError("something else was noted where the principal belongs")
    return principal


def _check_possession(bound_to: str | None, proven: str | None) -> None:
    if bound_to == proven:
        return
    if proven is None:
        # Without a proof, the sender may have stolen the key-bound token (RFC 9449 §7.2).
        raise invalid_token(
            Reason.TOKEN_NEEDS_PROOF, "The access token is bound to a key, and was sent without a proof."
        )
    if bound_to is None:
        # RFC 9449 §7.1: this scheme requires a bound token; the proof is for an unrelated key.
        raise invalid_token(
            Reason.TOKEN_NOT_BOUND, "The access token is bound to no key, and must be sent as a bearer token."
        )
    raise invalid_token(
        Reason.TOKEN_BOUND_TO_OTHER_KEY, "The access token is bound to another key than the proof shows."
    )


def is_for(resource: str, audience: tuple[str, ...]) -> bool:
    """Check whether `audience` contains `resource`, in any equivalent spelling (RFC 8707 §2)."""
    if resource in audience:
        return True
    ours = resource_key(resource)
    return any(_key_or_none(member) == ours for member in audience)


def _key_or_none(member: str) -> str | None:
    try:
        return resource_key(member)
    except ValueError:  # an audience need not be a URL; such an audience is not this resource
        return None

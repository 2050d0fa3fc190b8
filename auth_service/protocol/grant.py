"""The grant: what one subject gave one client, and the rules by which it changes (DESIGN D1, D3).

A code, every access token and every refresh token are handles to this one document. Each rule takes the
document and returns its next state (None: unchanged) and the result for the caller. A refusal is a result,
not an exception, because some refusals change the document: reuse of a code or refresh token revokes
everything that it ever led to (RFC 6749 §4.1.2, RFC 9700 §4.14.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from auth_service.protocol import pkce
from auth_service.protocol.errors import InvalidGrantError, InvalidScopeError, InvalidTargetError, OAuthError
from auth_service.protocol.lost_answers import answered_again, confirm, may_be_lost
from auth_service.protocol.reasons import Reason
from auth_service.protocol.request_source import RequestSource
from shared.replacing import replace
from shared.scopes import format_scope, parse_scope
from shared.uris import resource_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """Lifetimes of codes, tokens and grants, in seconds."""

    code_s: int
    access_s: int
    refresh_idle_s: int
    refresh_absolute_s: int
    grace_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A grant. Times are whole seconds since 1970.

    Attributes:
        generation: 0 before the code is redeemed, then counts the token responses.
        issued_at: when the current generation was issued.
        access_expires_at, refresh_expires_at: expiry of the current generation's tokens; 0 without one.
        expires_at: the absolute end, regardless of refreshes.
        narrowed: generation to the narrowed scope of its access token (RFC 6749 §6), until `narrowed_until`.
        jkt: thumbprint of the key that tokens are bound to (RFC 9449 §6); None for bearer tokens.
        assertion_issuer: the trusted issuer that asserts the subject; None for a user of this server.
        parent_grants: the grants that this one was derived from by token exchange, nearest first; it ends
            with any of them (RFC 8693).
        act: the actor for the subject (RFC 8693 §4.1).
        revocation_reason: why it was revoked, for the log and for resource servers.
        id_token_claims: claims about the person requested for the ID token (OIDC Core §5.5).
        userinfo_claims: the same for userinfo, in addition to those of the scopes.
        code_jkt: the key to which the client asked to bind the code (RFC 9449 §10).
        redeemed_at: when the code was redeemed; 0 if it was not, or if unknown.
        unconfirmed_since: time of the refresh that led to the current generation, while none of its tokens
            was presented: the response may be lost. 0 after that, and if nobody would notice.
        session_key: the store's key of the login session it was given in; a code ends with that session.
        auth_time_known: see `Session`.
        acr, amr: how the person logged in (RFC 8176); None for a password, empty if unknown.
        provider_id: the identity provider of that login; None for a password.
        used_at: the last use that was recorded apart from token responses; 0 for none.
        source: the network and browser from which the person gave it.
        trace: the `traceparent` of the login flow, until the code is redeemed, if it is recorded.
    """

    grant_id: str
    client_id: str
    scopes: tuple[str, ...]
    created_at: int
    expires_at: int
    state: Literal["code", "active", "revoked"]
    resource: str | None = None
    subject: str | None = None
    username: str | None = None
    session_id: str | None = None
    auth_time: int | None = None
    auth_time_known: bool = True
    nonce: str | None = None
    redirect_uri: str | None = None
    redirect_uri_given: bool = True
    code_challenge: str | None = None
    refreshable: bool = False
    generation: int = 0
    issued_at: int = 0
    access_expires_at: int = 0
    refresh_expires_at: int = 0
    narrowed: Mapping[str, str] | None = None
    narrowed_until: Mapping[str, int] | None = None
    jkt: str | None = None
    code_jkt: str | None = None
    assertion_issuer: str | None = field(default=None, metadata={"stored_as": "vouched_by"})
    parent_grants: tuple[str, ...] = field(default=(), metadata={"stored_as": "ancestors"})
    act: dict[str, Any] | None = None
    revocation_reason: str | None = None
    id_token_claims: tuple[str, ...] = ()
    userinfo_claims: tuple[str, ...] = ()
    session_key: str | None = None
    acr: str | None = None
    provider_id: str | None = None
    amr: tuple[str, ...] = ()
    redeemed_at: int = 0
    unconfirmed_since: int = 0
    used_at: int = 0
    source: RequestSource | None = None
    trace: str | None = None

    @property
    def proven_auth_time(self) -> int | None:
        """When the person authenticated; None if nobody did, or if the identity provider did not say.

        Clients and resource servers compare it with a maximum age (OpenID Connect Core §2, RFC 9470 §6).
        """
        return self.auth_time if self.auth_time_known else None

    @property
    def kept_until(self) -> int:
        """When the document may be deleted: no reference to it can be valid after that."""
        return max(self.created_at, self.access_expires_at, self.refresh_expires_at) + 600

    def ended(self, now: int) -> bool:
        """Check whether the grant has ended for good: no code or token of it works, or will again."""
        if self.state == "code":
            return now >= self.kept_until
        return self.state == "revoked" or now >= max(self.access_expires_at, self.refresh_expires_at)

    def scopes_of(self, generation: int) -> tuple[str, ...]:
        """Return the scopes of that generation's access token."""
        narrowed = (self.narrowed or {}).get(str(generation))
        return self.scopes if narrowed is None else parse_scope(narrowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRedemption:
    """The parameters of a token request with `grant_type=authorization_code` (RFC 6749 §4.1.3)."""

    client_id: str
    redirect_uri: str | None
    code_verifier: str | None
    resource: str | None
    jkt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """The parameters of a token request with `grant_type=refresh_token` (RFC 6749 §6).

    Attributes:
        may_rebind: whether the tokens may move to another key, because the client was authenticated.
        verified_locally: the resources whose access tokens are never presented to this server (RFC 9068).
    """

    client_id: str
    generation: int
    scope: str | None
    resource: str | None
    jkt: str | None = None
    may_rebind: bool = False
    verified_locally: frozenset[str] = frozenset()


Outcome: TypeAlias = "tuple[Grant | None, Grant | OAuthError]"
"""The document to write (None: none), and either the grant to issue tokens from or the error."""

_REVOKED = "the grant was revoked"
_CODE_REUSED = "its code was used twice"
_REFRESH_REUSED = "one of its refresh tokens was used twice"
REUSE = frozenset({_CODE_REUSED, _REFRESH_REUSED})
"""The reasons of revocations after which an operator should ask whether a token was stolen."""

SECOND_CALLBACK_S = 10
"""A browser may deliver a code to its client twice: after a double click, a reload, a slow response. For this
time after a redemption, the same redemption is refused without revoking the grant."""

LIVE_GENERATIONS = 64
"""The number of generations whose access tokens work at once. Without a limit, the state of each generation
would accumulate while a client refreshes in a loop; one that refreshes when it must has one or two."""


def redeem(grant: Grant, presented: CodeRedemption, lifetimes: Lifetimes, now: int) -> Outcome:
    """Redeem a code, once."""
    if grant.client_id != presented.client_id:
        # Nothing changes: someone who merely found a code must not be able to revoke the grant with it.
        return None, InvalidGrantError(Reason.CODE_OF_OTHER_CLIENT, "the code was issued to another client")
    if grant.state == "revoked":
        return None, InvalidGrantError(Reason.GRANT_REVOKED, _REVOKED)
    if grant.state != "code":
        if _is_second_callback(grant, presented, now):
            return None, InvalidGrantError(Reason.CODE_USED_JUST_NOW, "the code was used a moment ago")
        refused = InvalidGrantError(Reason.CODE_USED_TWICE, "the code was used before; its grant is revoked")
        return revoked(grant, _CODE_REUSED), refused
    try:
        _check_redemption(grant, presented)
    except OAuthError as refusal:
        return None, refusal
    issued = issue(grant, lifetimes, now, state="active", jkt=presented.jkt, redeemed_at=now, trace=None)
    return issued, issued


def _is_second_callback(grant: Grant, presented: CodeRedemption, now: int) -> bool:
    # RFC 6749 §4.1.2: SHOULD revoke at any second use. A caller with the verifier is spared: the verifier
    # never leaves the client, so a thief of the code lacks it. Without PKCE nothing distinguishes the two.
    if grant.code_challenge is None or now > grant.redeemed_at + SECOND_CALLBACK_S:
        return False
    try:
        _check_redemption(grant, presented)
    except OAuthError:
        return False
    return presented.jkt == grant.jkt


def _check_redemption(grant: Grant, presented: CodeRedemption) -> None:
    # OAuth 2.1 §4.1.3 drops redirect_uri here, RFC 6749 requires it: if sent, it must match; it is required
    # only if PKCE does not already bind the code to the authorization request.
    if presented.redirect_uri is None:
        if grant.redirect_uri_given and grant.code_challenge is None:
            raise InvalidGrantError(Reason.REDIRECT_URI_MISSING, "redirect_uri is missing")
    elif presented.redirect_uri != grant.redirect_uri:
        raise InvalidGrantError(
            Reason.REDIRECT_URI_MISMATCH, "redirect_uri does not match the authorization request"
        )
    pkce.check_verifier(grant.code_challenge, presented.code_verifier)
    if grant.code_jkt is not None and grant.code_jkt != presented.jkt:
        raise InvalidGrantError(Reason.DPOP_KEY_MISMATCH, "the code is bound to another DPoP key")
    check_same_resource(grant, presented.resource)


def refresh(grant: Grant, presented: Refresh, lifetimes: Lifetimes, now: int) -> Outcome:
    """Rotate a refresh token, or repeat the response to its rotation (DESIGN D3)."""
    if grant.client_id != presented.client_id:
        return None, InvalidGrantError(
            Reason.REFRESH_TOKEN_OF_OTHER_CLIENT, "the refresh token was issued to another client"
        )
    if grant.state != "active":
        return None, InvalidGrantError(Reason.GRANT_REVOKED, _REVOKED)
    if presented.generation > grant.generation:
        # Not reuse: the store lost the write, and how the token was restricted with it (lost_writes.py).
        return None, InvalidGrantError(Reason.REFRESH_TOKEN_INVALID, "the refresh token is not known")
    use = _use_of(grant, presented.generation, now, lifetimes.grace_s)
    if use == "reused" or (use == "lost" and grant.jkt != presented.jkt):
        refused = InvalidGrantError(
            Reason.REFRESH_TOKEN_USED_TWICE, "the refresh token was used before; the grant is revoked"
        )
        return revoked(grant, _REFRESH_REUSED), refused
    try:
        narrowed = _checked(grant, presented, now, use)
    except OAuthError as refusal:
        # The request is refused, but it shows that the response with this token was not lost.
        return confirm(grant, presented.generation)[0], refusal
    if use == "replayed" and grant.jkt == presented.jkt:
        return None, grant
    if use == "lost":
        again = answered_again(grant, lifetimes.access_s, now)
        return again, again
    confirmable = lifetimes.grace_s > 0 and grant.resource not in presented.verified_locally
    issued = issue(
        grant, lifetimes, now, narrowed, jkt=presented.jkt, unconfirmed_since=now if confirmable else 0
    )
    return issued, issued


_Use: TypeAlias = Literal["current", "replayed", "lost", "reused"]


def _use_of(grant: Grant, generation: int, now: int, grace_s: int) -> _Use:
    if generation == grant.generation:
        return "current"
    if generation != grant.generation - 1:
        return "reused"
    if now <= grant.issued_at + grace_s:
        return "replayed"
    return "lost" if may_be_lost(grant, now, grace_s) else "reused"


def _checked(grant: Grant, presented: Refresh, now: int, use: _Use) -> tuple[str, ...]:
    """Check the request and return the scopes of the access token."""
    if use == "current" and now >= grant.refresh_expires_at:
        raise InvalidGrantError(Reason.REFRESH_TOKEN_EXPIRED, "the refresh token has expired")
    _check_key(grant, presented, replayed=use == "replayed")
    check_same_resource(grant, presented.resource)
    return _narrowed(grant, presented.scope)


def _check_key(grant: Grant, presented: Refresh, *, replayed: bool) -> None:
    # RFC 9449 §5: a public client's refresh token is bound to the key; a confidential client's to the client.
    if grant.jkt == presented.jkt:
        return
    if grant.jkt is not None and not presented.may_rebind:
        raise InvalidGrantError(Reason.DPOP_KEY_MISMATCH, "the refresh token is bound to another DPoP key")
    # A retry after a lost response cannot repeat tokens that are bound to another key: an authenticated
    # client gets new tokens, bound to its current key. A replay never binds unbound tokens, nor unbinds bound
    # ones.
    if replayed and (grant.jkt is None or presented.jkt is None):
        raise InvalidGrantError(
            Reason.DPOP_KEY_MISMATCH, "the refresh token was used before with another DPoP key"
        )


def _narrowed(grant: Grant, scope: str | None) -> tuple[str, ...]:
    if scope is None:
        return grant.scopes
    try:
        requested = parse_scope(scope)
    except ValueError as error:
        raise InvalidScopeError(Reason.SCOPE_MALFORMED, "scope is malformed") from error
    # RFC 6749 §6: the scope must not include what the resource owner did not grant. Clients repeat the scope
    # of the authorization request, from which the rest was dropped; the response states what they get.
    kept = tuple(s for s in grant.scopes if s in requested)
    if requested and not kept:
        raise InvalidScopeError(Reason.SCOPE_NOT_GRANTED, "none of the requested scopes was granted")
    return kept


def check_same_resource(grant: Grant, resource: str | None) -> None:
    """Check that a token request repeats the resource or omits it, but does not change it (RFC 8707 §2.2).

    Raises:
        InvalidTargetError: the request names another resource than the grant's.
    """
    if resource is None:
        return
    try:
        same = grant.resource is not None and resource_key(resource) == resource_key(grant.resource)
    except ValueError:
        same = False
    if not same:
        raise InvalidTargetError(Reason.RESOURCE_NOT_GRANTED, "the requested resource was not granted")


def issue(
    grant: Grant,
    lifetimes: Lifetimes,
    now: int,
    scopes: tuple[str, ...] | None = None,
    **changes: Any,  # noqa: ANN401 -- members of the grant
) -> Grant:
    """Issue the next generation of an active grant, with the access token narrowed to `scopes` if given.

    Args:
        changes: other members of the grant that change at the same time; not those that this depends on.
    """
    generation = grant.generation + 1
    access_expires_at = min(now + lifetimes.access_s, grant.expires_at)
    refresh_expires_at = min(now + lifetimes.refresh_idle_s, grant.expires_at) if grant.refreshable else 0
    live = {
        g: until
        for g, until in (grant.narrowed_until or {}).items()
        if until > now and int(g) > generation - LIVE_GENERATIONS
    }
    narrowed = {g: scope for g, scope in (grant.narrowed or {}).items() if g in live}
    if scopes is not None and scopes != grant.scopes:
        live[str(generation)] = access_expires_at
        narrowed[str(generation)] = format_scope(scopes)
    return replace(
        grant,
        generation=generation,
        issued_at=now,
        access_expires_at=access_expires_at,
        refresh_expires_at=refresh_expires_at,
        narrowed=narrowed or None,
        narrowed_until=live or None,
        **changes,
    )


def revoked(grant: Grant, reason: str) -> Grant:
    """Return the grant in the revoked state."""
    return replace(grant, state="revoked", revocation_reason=reason)


def revoke(grant: Grant, reason: str = "it was revoked") -> tuple[Grant | None, bool]:
    """Revoke the grant unless it is revoked already; return whether it was revoked now."""
    return (None, False) if grant.state == "revoked" else (revoked(grant, reason), True)


def revoke_unless_given_in(grant: Grant, session_id: str | None, reason: str) -> tuple[Grant | None, bool]:
    """Revoke the grant unless it was given in the session `session_id`; always if that is None."""
    if session_id is not None and grant.session_id == session_id:
        return None, False
    return revoke(grant, reason)


def revoke_by_client(grant: Grant, client_id: str) -> tuple[Grant | None, bool]:
    """Revoke the grant if it is the client's own (RFC 7009 §2.1)."""
    return revoke(grant, "the client revoked it") if grant.client_id == client_id else (None, False)


def is_live_access(grant: Grant, generation: int) -> bool:
    """Check whether an unexpired access token of that generation was issued and is not revoked."""
    oldest = max(1, grant.generation - LIVE_GENERATIONS + 1)
    return grant.state == "active" and oldest <= generation <= grant.generation


def is_live_refresh(grant: Grant, generation: int, now: int, grace_s: int) -> bool:
    """Check whether a refresh token of that generation would still be accepted."""
    if grant.state != "active" or not grant.refreshable or now >= grant.refresh_expires_at:
        return False
    return _use_of(grant, generation, now, grace_s) != "reused"

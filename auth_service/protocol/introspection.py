"""The introspection response about a token, for each caller (RFC 7662 §2.2, AS-15)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from auth_service.protocol.grant import Grant, is_live_access, is_live_refresh
from auth_service.protocol.lost_writes import PresentedToken, restrictions_known
from auth_service.protocol.reasons import Reason
from auth_service.protocol.second_factor import acr_of_grant
from auth_service.protocol.subjects import ClientSubject
from shared.introspection import INACTIVE, ActiveToken

Explanation = tuple[Reason, str]
"""Why a token is not active: a code for programs and a text for people."""


@dataclass(frozen=True, slots=True)
class IntrospectionCaller:
    """The authenticated caller.

    Attributes:
        name: the audience of a signed response (RFC 9701 §5).
        client_id: set for a client, which may introspect its own tokens.
        sector: the sector of a client with pairwise subjects (OIDC Core §8).
        resources: set for a resource server, which may introspect access tokens for these.
    """

    name: str
    client_id: str | None = None
    sector: str | None = None
    resources: frozenset[str] = frozenset()


def introspection_response(
    grant: Grant, *, handle: PresentedToken, caller: IntrospectionCaller, issuer: str, now: int, grace_s: int
) -> dict[str, Any]:
    """Return the response about a token: in full, or exactly `{"active": false}`."""
    if handle.is_access_token:
        is_audience = grant.resource in caller.resources or grant.client_id == caller.client_id
        live = is_live_access(grant, handle.generation) and restrictions_known(grant, handle)
        return _active(grant, handle, issuer).to_wire() if is_audience and live else INACTIVE
    own = handle.is_refresh_token and grant.client_id == caller.client_id
    if not own or not is_live_refresh(grant, handle.generation, now, grace_s):
        return INACTIVE
    members = _active(grant, handle, issuer).to_wire()
    del members["token_type"]  # RFC 6749 §7.1: only access tokens have a type
    return members


def may_learn_groups(grant: Grant, caller: IntrospectionCaller) -> bool:
    """Check whether the caller is the resource server of the token's resource, and there is a user."""
    return grant.subject is not None and grant.resource in caller.resources


def with_groups(answer: dict[str, Any], groups: Sequence[str]) -> dict[str, Any]:
    """Add the user's groups to a response; a user without any has no such member."""
    return {**answer, "groups": list(groups)} if groups else answer


def with_software(answer: dict[str, Any], software: Sequence[str]) -> dict[str, Any]:
    """Add the names of the client's software to a response."""
    return {**answer, "software": list(software)}


def with_pairwise_subject(answer: dict[str, Any], client_subject: ClientSubject) -> dict[str, Any]:
    """Restrict a response for a client with pairwise subjects: no other name of the user (OIDC Core §8)."""
    kept = {name: value for name, value in answer.items() if name not in ("username", "act", "groups")}
    return {**kept, "sub": client_subject.subject}


def why_inactive(grant: Grant, handle: PresentedToken, caller: IntrospectionCaller) -> Explanation:
    """Explain for the log why the response is only `{"active": false}`."""
    if not handle.is_access_token:
        return Reason.TOKEN_NOT_ACCESS_TOKEN, "not an access token"
    if grant.resource not in caller.resources and grant.client_id != caller.client_id:
        return (
            Reason.TOKEN_OF_OTHER_RESOURCE,
            f"the token is for {grant.resource}, which is not a resource of the caller",
        )
    if grant.state != "active":
        return Reason.TOKEN_GRANT_REVOKED, f"the grant of the token is {grant.state}"
    return (
        Reason.TOKEN_ENDED,
        "the token was replaced, or a parent grant has ended or lost its scopes",
    )


def _active(grant: Grant, handle: PresentedToken, issuer: str) -> ActiveToken:
    return ActiveToken(
        client_id=grant.client_id,
        scopes=grant.scopes_of(handle.generation) if handle.is_access_token else grant.scopes,
        audience=(grant.resource,) if grant.resource else (),
        issuer=issuer,
        expires_at=handle.expires_at,
        issued_at=grant.issued_at if handle.generation == grant.generation else None,
        subject=grant.subject,
        username=grant.username,
        grant_id=grant.grant_id,
        jkt=grant.jkt,
        act=grant.act,
        acr=acr_of_grant(grant),
        auth_time=grant.proven_auth_time,
        parent_grants=grant.parent_grants,
    )


def signed_answer_claims(
    answer: dict[str, Any], caller: IntrospectionCaller, issuer: str, now: int
) -> dict[str, Any]:
    """Return the claims of a signed response (RFC 9701 §5), without the `sub` and `exp` of access tokens."""
    return {"iss": issuer, "aud": caller.name, "iat": now, "token_introspection": answer}

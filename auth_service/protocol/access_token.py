"""Access tokens as JWTs, for resources that are configured to get them (RFC 9068)."""

from __future__ import annotations

from typing import Any

from auth_service.protocol.grant import Grant
from shared.jwt_claims import ClaimError
from shared.scopes import format_scope

TYPE = "at+jwt"


def access_token_claims(grant: Grant, issuer: str) -> dict[str, Any]:
    """The claims of the current generation's access token: the same state gives the same bytes.

    The `jti` names grant and generation, so that the token can be introspected and revoked like any other.
    """
    claims = {
        "iss": issuer,
        "sub": grant.subject or grant.client_id,  # RFC 9068 §2.2: the client itself where there is no user
        "aud": grant.resource,
        "exp": grant.access_expires_at,
        "iat": grant.issued_at,
        "jti": f"{grant.grant_id}.{grant.generation}",
        "client_id": grant.client_id,
        "scope": format_scope(grant.scopes_of(grant.generation)),
        "auth_time": grant.auth_time,
        "act": grant.act,
        "ancestors": list(grant.parent_grants) or None,
        "cnf": {"jkt": grant.jkt} if grant.jkt else None,
    }
    return {name: value for name, value in claims.items() if value is not None}


def handle_parts(jti: str) -> tuple[str, int]:
    """The grant id and generation that a `jti` names.

    Raises:
        ClaimError: it is not one that was made here.
    """
    grant_id, _, generation = jti.rpartition(".")
    if not grant_id or not (generation.isascii() and generation.isdigit()):
        raise ClaimError("jti names no grant")
    return grant_id, int(generation)

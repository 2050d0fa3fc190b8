"""Access tokens as JWTs, for resources configured to receive them (RFC 9068)."""

from __future__ import annotations

from typing import Any

from auth_service.protocol.grant import Grant
from auth_service.protocol.second_factor import acr_of_grant
from shared.access_tokens import format_jti
from shared.scopes import format_scope


def access_token_claims(grant: Grant, issuer: str) -> dict[str, Any]:
    """Return the claims of the current generation's access token: the same state gives the same bytes."""
    claims = {
        "iss": issuer,
        "sub": grant.subject or grant.client_id,  # RFC 9068 §2.2: without a user, the client
        "aud": grant.resource,
        "exp": grant.access_expires_at,
        "iat": grant.issued_at,
        "jti": format_jti(grant.grant_id, grant.generation),
        "client_id": grant.client_id,
        "scope": format_scope(grant.scopes_of(grant.generation)),
        "auth_time": grant.proven_auth_time,
        "acr": acr_of_grant(grant),
        "amr": list(grant.amr) or None,
        "act": grant.act,
        "ancestors": list(grant.parent_grants) or None,
        "cnf": {"jkt": grant.jkt} if grant.jkt else None,
    }
    return {name: value for name, value in claims.items() if value is not None}

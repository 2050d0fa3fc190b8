"""The server's metadata document (RFC 8414 §2, OpenID Connect Discovery §3)."""

from __future__ import annotations

from typing import Any

from auth_service.protocol.authorization import PROMPTS, RESPONSE_MODES
from auth_service.protocol.claims_request import ACR_MFA, ACR_PASSWORD, PROFILE_CLAIMS
from auth_service.protocol.id_token import TOKEN_CLAIMS
from auth_service.protocol.registration import AUTH_METHODS, SIGNING_ALGORITHMS
from auth_service.protocol.subjects import SUBJECT_TYPES
from shared import dpop
from shared.texts import LANGUAGES


def server_metadata(
    issuer: str,
    scopes: list[str],
    grant_types: list[str],
    *,
    client_documents: bool,
    grant_profiles: list[str],
) -> dict[str, Any]:
    """Return one document for both well-known URLs, so that they agree where they overlap.

    Args:
        client_documents: whether a client_id may be the URL of a metadata document (CIMD draft §6).
        grant_profiles: `authorization_grant_profiles_supported`, omitted if empty.
    """
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "registration_endpoint": f"{issuer}/register",
        "introspection_endpoint": f"{issuer}/introspect",
        "revocation_endpoint": f"{issuer}/revoke",
        "pushed_authorization_request_endpoint": f"{issuer}/par",
        "device_authorization_endpoint": f"{issuer}/device_authorization",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "end_session_endpoint": f"{issuer}/logout",
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "jwks_uri": f"{issuer}/jwks",
        "service_documentation": f"{issuer}/docs",
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": grant_types,
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "revocation_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "introspection_endpoint_auth_methods_supported": [m for m in AUTH_METHODS if m != "none"],
        **{
            f"{endpoint}_endpoint_auth_signing_alg_values_supported": list(SIGNING_ALGORITHMS)
            for endpoint in ("token", "revocation", "introspection")
        },
        "client_id_metadata_document_supported": client_documents,
        "code_challenge_methods_supported": ["S256"],
        **({"authorization_grant_profiles_supported": grant_profiles} if grant_profiles else {}),
        "introspection_signing_alg_values_supported": ["RS256"],
        "dpop_signing_alg_values_supported": list(dpop.ALGORITHMS),
        "authorization_response_iss_parameter_supported": True,
        "subject_types_supported": list(SUBJECT_TYPES),
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "userinfo_signing_alg_values_supported": ["RS256", "ES256"],
        "prompt_values_supported": sorted(PROMPTS),
        "claims_supported": [*TOKEN_CLAIMS, *PROFILE_CLAIMS, "groups"],
        "claims_parameter_supported": True,
        "acr_values_supported": [ACR_PASSWORD, ACR_MFA],
        "ui_locales_supported": list(LANGUAGES),
        "request_parameter_supported": True,
        "request_object_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
        "require_signed_request_object": False,
        "require_pushed_authorization_requests": False,
        "request_uri_parameter_supported": False,
    }

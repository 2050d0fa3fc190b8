"""The OpenAPI description of `/jwks`, `/health`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auth_service.web.route import answer


def described(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the operation that serves `metadata`."""
    return {
        "summary": "Server metadata",
        "description": "RFC 8414, OpenID Connect Discovery: one document at both places.",
        "tags": ["Discovery"],
        "responses": {"200": answer("The metadata, as it is.", dict(metadata))},
    }


_EXAMPLE_KEY = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "…", "n": "…", "e": "AQAB"}

JWKS: Mapping[str, Any] = {
    "summary": "The keys that verify what this server signs",
    "tags": ["Discovery"],
    "responses": {"200": answer("A JWK Set.", {"keys": [_EXAMPLE_KEY]})},
}
HEALTH: Mapping[str, Any] = {
    "summary": "Whether this service can serve",
    "tags": ["Operation"],
    "responses": {"200": answer("It can.", {"status": "ok"})},
}

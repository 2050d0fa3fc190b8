"""The OpenAPI description of the server metadata and `/jwks`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auth_service.web.route import answer


def described(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the operation that serves `metadata`."""
    return {
        "summary": "Server metadata",
        "description": "RFC 8414, OpenID Connect Discovery: the same document at both paths.",
        "tags": ["Discovery"],
        "responses": {"200": answer("The metadata.", dict(metadata))},
    }


def described_client(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the operation that serves the `metadata` of this server as a client."""
    return {
        "summary": "This server as a client",
        "description": "The client ID metadata document with which this server is a client of the"
        " authorization servers of upstreams, where people connect accounts. Its URL is the client_id.",
        "tags": ["Discovery"],
        "responses": {"200": answer("The metadata.", dict(metadata))},
    }


_EXAMPLE_KEY = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "…", "n": "…", "e": "AQAB"}

JWKS: Mapping[str, Any] = {
    "summary": "The public signing keys",
    "tags": ["Discovery"],
    "responses": {"200": answer("A JWK Set.", {"keys": [_EXAMPLE_KEY]})},
}

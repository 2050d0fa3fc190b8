"""Well-known URI paths (RFC 8615), each written once."""

from __future__ import annotations

from typing import Final

AUTHORIZATION_SERVER: Final = "/.well-known/oauth-authorization-server"
"""Authorization server metadata (RFC 8414 §3)."""

OPENID_CONFIGURATION: Final = "/.well-known/openid-configuration"
"""OpenID Connect Discovery §4."""

PROTECTED_RESOURCE: Final = "/.well-known/oauth-protected-resource"
"""Protected resource metadata (RFC 9728 §3)."""

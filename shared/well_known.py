"""Well-known URI paths (RFC 8615)."""

from __future__ import annotations

from typing import Final

AUTHORIZATION_SERVER: Final = "/.well-known/oauth-authorization-server"
"""Authorization server metadata (RFC 8414 §3)."""

OPENID_CONFIGURATION: Final = "/.well-known/openid-configuration"
"""OpenID Connect Discovery §4."""

CHANGE_PASSWORD: Final = "/.well-known/change-password"  # noqa: S105 -- a path
"""A redirect to the page on which a password is changed (W3C, A Well-Known URL for Changing Passwords)."""

PROTECTED_RESOURCE: Final = "/.well-known/oauth-protected-resource"
"""Protected resource metadata (RFC 9728 §3)."""

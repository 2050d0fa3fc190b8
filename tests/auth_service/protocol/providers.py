"""An identity provider and its settings."""

from __future__ import annotations

from typing import Any

from auth_service.protocol.identity_providers import PRESETS, AllowList, IdentityProvider

ISSUER = "https://id.example"


def provider(preset: str = "openid", **changes: Any) -> IdentityProvider:
    kind = PRESETS[preset]
    members: dict[str, Any] = {
        "provider_id": preset,
        "preset": kind,
        "issuer": ISSUER,
        "client_id": "me",
        "label": kind.label,
        "scopes": kind.scopes,
        "groups_claim": kind.groups_claim,
        "allow": AllowList(everyone=True),
    }
    return IdentityProvider(**{**members, **changes})

"""A provider of the operator's own, and tokens of an account there."""

from __future__ import annotations

import base64

from pydantic import SecretStr

from auth_service.protocol.connected_account import UpstreamTokens
from auth_service.protocol.upstream_providers import AccountProvider

OWN = {
    "name": "Own",
    "authorization_endpoint": "https://id.example/authorize",
    "token_endpoint": "https://id.example/token",
    "client_id": "c",
}
OWN_REVOKING = {**OWN, "revocation_endpoint": "https://id.example/revoke"}
MASTER_KEY = SecretStr(base64.urlsafe_b64encode(bytes(32)).decode())
TOKENS = UpstreamTokens(access_token="a", refresh_token="r")


class NothingDiscovered:
    """In place of `DiscoveredProviders`, where the settings have every provider."""

    async def of(self, configured: AccountProvider, _subject: str) -> AccountProvider:
        return configured

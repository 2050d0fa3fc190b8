"""Links to the logout pages of identity providers (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import anyio

from auth_service.federation.discovery import ProviderDiscovery
from auth_service.federation.errors import ProviderUnavailableError
from auth_service.protocol.identity_providers import IdentityProvider
from auth_service.users.sessions import Session

LONGEST_S = 1.0
"""How long a logout here waits for a provider."""


@dataclass(frozen=True, slots=True)
class ProviderLogoutLink:
    """A link to the provider's logout page."""

    label: str
    url: str


class ProviderEndSession:
    """Finds the logout pages of the providers that have one."""

    def __init__(self, providers: Mapping[str, IdentityProvider], discovery: ProviderDiscovery) -> None:
        self._providers = providers
        self._discovery = discovery

    async def link_for(self, session: Session) -> ProviderLogoutLink | None:
        """Return a link to the logout page of the session's provider; None if it has no such page."""
        provider = self._providers.get(session.provider_id or "")
        if provider is None or provider.preset.protocol != "openid":
            return None
        url = None
        with anyio.move_on_after(LONGEST_S):
            url = await self._url(provider)
        return ProviderLogoutLink(provider.label, url) if url else None

    async def _url(self, provider: IdentityProvider) -> str | None:
        try:
            metadata = await self._discovery.metadata_of(provider)
        except ProviderUnavailableError:
            return None
        return metadata.end_session_url(provider.client_id)

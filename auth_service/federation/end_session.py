"""Logout at identity providers, begun here (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import anyio

from auth_service.federation.discovery import ProviderDiscovery
from auth_service.federation.errors import ProviderUnavailableError
from auth_service.federation.id_tokens import ProviderIdTokens
from auth_service.federation.logout_returns import LogoutReturns
from auth_service.protocol.identity_providers import IdentityProvider
from auth_service.protocol.provider_metadata import ProviderMetadata
from auth_service.users.sessions import Session

LONGEST_S = 1.0
"""How long a logout here waits for a provider."""


@dataclass(frozen=True, slots=True)
class ProviderLogoutLink:
    """A link to the provider's logout page."""

    label: str
    url: str


@dataclass(frozen=True, kw_only=True)
class ProviderEndSession:
    """Finds the logout pages of the providers that have one.

    Attributes:
        return_uri: the page to which the providers send people back.
    """

    providers: Mapping[str, IdentityProvider]
    discovery: ProviderDiscovery
    id_tokens: ProviderIdTokens
    returns: LogoutReturns
    return_uri: str

    async def link_for(self, session: Session) -> ProviderLogoutLink | None:
        """Return a link to the logout page of the session's provider; None if it has no such page.

        Without an ID token, the provider asks the person for confirmation.
        """
        provider = self._provider(session)
        metadata = await self._metadata(provider) if provider else None
        url = metadata.end_session_url({"client_id": provider.client_id}) if provider and metadata else None
        return ProviderLogoutLink(provider.label, url) if provider and url else None

    def provider_that_ends(self, session: Session) -> IdentityProvider | None:
        """Return the session's provider, if people are logged out there, too."""
        provider = self._provider(session)
        return provider if provider and provider.logs_out else None

    async def leave(self, session: Session, browser_secret: str, location: str | None) -> str | None:
        """Return the URL that logs the person out at the session's provider, which then sends them back.

        Args:
            location: the client's registered URL to which the browser goes last; None for our own page.

        Returns:
            None if the provider does not log people out, or does not respond.
        """
        provider = self.provider_that_ends(session)
        metadata = await self._metadata(provider) if provider else None
        if provider is None or metadata is None or metadata.end_session_endpoint is None:
            return None
        hint = await self.id_tokens.take(session)
        return metadata.end_session_url(
            {
                "client_id": provider.client_id,
                "post_logout_redirect_uri": self.return_uri,
                "state": await self.returns.begin(browser_secret, location),
                **({"id_token_hint": hint} if hint else {}),
            }
        )

    def _provider(self, session: Session) -> IdentityProvider | None:
        provider = self.providers.get(session.provider_id or "")
        return provider if provider and provider.preset.protocol == "openid" else None

    async def _metadata(self, provider: IdentityProvider) -> ProviderMetadata | None:
        with anyio.move_on_after(LONGEST_S):
            try:
                return await self.discovery.metadata_of(provider)
            except ProviderUnavailableError:
                return None
        return None

"""The wiring of the renewal of groups from identity providers."""

from __future__ import annotations

from auth_service.access.announcements import AccessChangePublisher
from auth_service.access.renewal import GroupRenewal
from auth_service.clients.keys import PublishedKeys
from auth_service.crypto.passwords import Passwords
from auth_service.federation.credentials import UpstreamCredentials
from auth_service.federation.discovery import ProviderDiscovery
from auth_service.federation.github import GitHubLogin
from auth_service.federation.identities import IdentityRepository
from auth_service.federation.openid import OpenIdLogin
from auth_service.grants.repository import GrantRepository
from auth_service.users.repository import UserRepository
from auth_service.users.sessions import SessionRepository
from auth_service.wiring import configured
from auth_service.wiring.infrastructure import Infrastructure


def upstream_credentials(base: Infrastructure) -> UpstreamCredentials:
    """Create the store of the providers' refresh tokens."""
    return UpstreamCredentials(base.store, base.key_ring, base.clock, base.settings.refresh_absolute_ttl_s)


def group_renewal(base: Infrastructure, keys: PublishedKeys, sessions: SessionRepository) -> GroupRenewal:
    """Create the renewal of the groups of all providers in the settings."""
    settings, clock = base.settings, base.clock
    discovery = ProviderDiscovery(base.operator_fetcher, clock, loopback=settings.fetch_loopback)
    return GroupRenewal(
        providers={provider.provider_id: provider for provider in configured.identity_providers(settings)},
        by_protocol={
            "openid": OpenIdLogin(
                fetcher=base.operator_fetcher,
                discovery=discovery,
                keys=keys,
                signatures=base.signatures,
                clock=clock,
            ),
            "github": GitHubLogin(fetcher=base.operator_fetcher),
        },
        credentials=upstream_credentials(base),
        identities=IdentityRepository(base.store, clock),
        sessions=sessions,
        grants=GrantRepository(base.store, clock, base.known_revocations, base.journal),
        changes=AccessChangePublisher(base.store, UserRepository(base.store, Passwords(), clock), clock),
        clock=clock,
        max_age_s=settings.groups_max_age_s,
    )

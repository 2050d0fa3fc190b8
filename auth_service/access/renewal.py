"""Requests a person's groups from identity providers again when the stored ones are too old (ID-4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from auth_service.access.announcements import AccessChangePublisher
from auth_service.federation.credentials import Lease, PresentedCredential, UpstreamCredentials
from auth_service.federation.errors import CredentialRefusedError
from auth_service.federation.identities import Identity, IdentityRepository
from auth_service.grants.repository import GrantRepository
from auth_service.protocol.federated_identity import FederatedIdentity, FederationError
from auth_service.protocol.identity_providers import IdentityProvider
from auth_service.users.sessions import SessionRepository
from shared.clock import Clock
from shared.logs import get_logger

_log = get_logger(__name__)

RETRY_S = 60
"""How long after a failed request a provider is not asked about the same person again, in seconds."""


class IdentityRenewal(Protocol):
    """Requests a person's identity again, without the person; see `OpenIdLogin` and `GitHubLogin`."""

    async def renew(
        self, provider: IdentityProvider, credential: PresentedCredential, subject: str
    ) -> FederatedIdentity: ...


@dataclass(frozen=True, kw_only=True)
class GroupRenewal:
    """Renews the groups, with the credential of the person's last login.

    Attributes:
        max_age_s: the maximum age of groups, in seconds.
    """

    providers: Mapping[str, IdentityProvider]
    by_protocol: Mapping[str, IdentityRenewal]
    credentials: UpstreamCredentials
    identities: IdentityRepository
    sessions: SessionRepository
    grants: GrantRepository
    changes: AccessChangePublisher
    clock: Clock
    max_age_s: int

    async def renew(self, subject: str) -> bool:
        """Renew the groups of a person that are due. If a provider does not respond, nothing changes.

        Returns:
            whether there are providers, so that this took time.
        """
        if not self.providers:
            return False
        for identity in await self.identities.of_subject(subject):
            provider = self.providers.get(identity.provider_id)
            if provider is not None and self._is_due(identity):
                await self._renew(identity, provider)
        return True

    def _is_due(self, identity: Identity) -> bool:
        return identity.due or self.clock() >= identity.groups_at + self.max_age_s

    async def _renew(self, identity: Identity, provider: IdentityProvider) -> None:
        lease = await self.credentials.lease(identity.subject, provider.provider_id)
        if lease is None:
            return
        # Another process may have asked since the identity was read.
        current = await self.identities.get(identity.issuer, identity.provider_subject)
        if current is None or not self._is_due(current):
            await self.credentials.release(lease)
            return
        try:
            await self._ask(current, provider, lease)
        except CredentialRefusedError as error:
            await self._end(current, provider, error)
        except FederationError as error:
            _log.warning(
                "groups not renewed", provider=provider.provider_id, reason=error.reason, detail=error.detail
            )
            await self.credentials.release(lease, wait_s=RETRY_S)

    async def _ask(self, identity: Identity, provider: IdentityProvider, lease: Lease) -> None:
        renewal = self.by_protocol[provider.preset.protocol]
        federated = await renewal.renew(provider, self._presented(lease), identity.provider_subject)
        await self.credentials.release(lease, wait_s=0 if federated.groups is not None else RETRY_S)
        if await self.identities.note_groups(federated):
            await self.changes.subject(identity.subject)

    def _presented(self, lease: Lease) -> PresentedCredential:
        return PresentedCredential(lease.token, partial(self.credentials.rotate, lease))

    async def _end(
        self, identity: Identity, provider: IdentityProvider, error: CredentialRefusedError
    ) -> None:
        """End the person's sessions and grants: the provider no longer vouches for them."""
        subject, provider_id = identity.subject, provider.provider_id
        await self.credentials.delete(subject, provider_id)
        await self.sessions.end_those(subject, lambda session: session.provider_id == provider_id)
        await self.grants.revoke_of_subject(subject, "the identity provider refused to renew the login")
        _log.info("login not renewed by provider", provider=provider_id, subject=subject, reason=error.reason)

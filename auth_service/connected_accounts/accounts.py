"""Connects accounts, hands out their credentials, refreshes them once, and disconnects them (GW-1)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic

from auth_service.connected_accounts.credentials import Credentials, Lease
from auth_service.connected_accounts.disconnections import Disconnections
from auth_service.connected_accounts.discovered_providers import DiscoveredProviders
from auth_service.connected_accounts.links import ConnectLink
from auth_service.connected_accounts.records import ConnectedAccount
from auth_service.connected_accounts.token_requests import (
    CodeAnswer,
    TokenRequests,
    UpstreamClientRefusedError,
    UpstreamRefusedError,
    UpstreamUnavailableError,
)
from auth_service.fetching import SingleFlight
from auth_service.journal.account_events import AccountAction, AccountEvents
from auth_service.protocol.connected_account import UpstreamTokens, Use
from auth_service.protocol.upstream_providers import (
    AccountProvider,
    ApiKeyProvider,
    ConfiguredProvider,
    UpstreamProvider,
)
from auth_service.users.repository import UserRepository
from shared.clock import Clock
from shared.logs import get_logger
from shared.storage.interface import StoreUnavailableError

_log = get_logger(__name__)

WAIT_S = 10.0
"""How long a request waits for another one that refreshes the same credential."""

_CALL_S = 20.0
_LOOK_AGAIN_S = 0.1


class PersonGoneError(Exception):
    """The person's account was disabled or deleted in the meantime."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential that can be used now."""

    account: ConnectedAccount
    tokens: UpstreamTokens = field(repr=False)
    provider: AccountProvider


@dataclass(frozen=True, kw_only=True)
class ConnectedAccounts:
    """The connected accounts of people, for all resources with a provider.

    Attributes:
        providers: by the URL of the resource.
    """

    providers: Mapping[str, ConfiguredProvider]
    discovered: DiscoveredProviders
    credentials: Credentials
    requests: TokenRequests
    disconnections: Disconnections
    users: UserRepository
    events: AccountEvents
    clock: Clock
    flights: SingleFlight[Credential | None] = field(default_factory=SingleFlight)

    async def connect(
        self, link: ConnectLink, provider: UpstreamProvider, answer: CodeAnswer, **about: str
    ) -> None:
        """Redeem the code of a provider, and store the tokens for the person of the link.

        Args:
            about: for the journal.

        Raises:
            UpstreamRefusedError, UpstreamUnavailableError: there are no tokens.
            PersonGoneError: the person may no longer connect anything.
            StoreUnavailableError: nothing may be stored.
        """
        configured = self.providers[link.resource]
        try:
            tokens = await self.requests.redeem_code(provider, answer)
        except UpstreamClientRefusedError:
            await self.discovered.note_refused(configured, provider)
            raise
        # First: a client that nobody seems to use is given up sooner, and the account would be unusable.
        await self.discovered.note_accepted(configured, provider)
        await self._save(link, provider, tokens, about)

    async def enter_key(
        self, link: ConnectLink, provider: ApiKeyProvider, api_key: str, **about: str
    ) -> None:
        """Store an API key for the person of the link; the same one again changes nothing.

        Args:
            about: for the journal.

        Raises:
            PersonGoneError, StoreUnavailableError: as `connect`.
        """
        tokens = UpstreamTokens(access_token=api_key)
        current = await self._stored(link.subject, link.resource)
        if current is None or current.tokens != tokens:
            await self._save(link, provider, tokens, about)

    async def _save(
        self, link: ConnectLink, provider: AccountProvider, tokens: UpstreamTokens, about: Mapping[str, str]
    ) -> None:
        about = {"resource": link.resource, "client_id": link.client_id, **about}
        await self.events.record(AccountAction.UPSTREAM_CONNECTED, link.subject, **about)
        account, earlier = await self.credentials.save(link.subject, link.client_id, provider, tokens)
        if earlier is not None:
            await self.disconnections.add(account, earlier.version)
        # Checked afterwards: a deletion disables the account before it deletes what is connected.
        user = await self.users.by_subject(link.subject)
        if user is None or user.disabled:
            await self.credentials.records.delete_all(link.subject)
            raise PersonGoneError
        _log.info("account connected", subject=link.subject, resource=link.resource, provider=provider.name)

    async def credential(self, subject: str, resource: str, rejected: str | None = None) -> Credential | None:
        """Return the credential of a person for a resource; None if the account must be connected.

        Concurrent calls for the same credential share one look at it, and one refresh.

        Args:
            rejected: the version of a credential that the upstream rejected.

        Raises:
            UpstreamUnavailableError: there will be one as soon as the provider can be reached.
        """
        key = f"{subject} {resource} {rejected}"
        return await self.flights.run(key, lambda: self._credential(subject, resource, rejected))

    async def _credential(self, subject: str, resource: str, rejected: str | None) -> Credential | None:
        deadline = monotonic() + WAIT_S
        while (usable := await self._stored(subject, resource)) is not None:
            account, now = usable.account, int(self.clock())
            use = account.facts.use(now, rejected)
            if use is Use.VALID or (use is Use.DUE and now < account.failed_until):
                return usable
            if use is Use.ENDED:
                await self._end_by_provider(account)
                return None
            lease = await self.credentials.lease(account, usable.tokens)
            if lease is not None:
                return await self._refreshed(lease, usable.provider, usable if use is Use.DUE else None)
            if use is Use.DUE:
                return usable
            if now < account.failed_until or monotonic() > deadline:
                raise UpstreamUnavailableError(
                    "the credential is being refreshed, or cannot be at the moment"
                )
            await asyncio.sleep(_LOOK_AGAIN_S)
        return None

    async def _stored(self, subject: str, resource: str) -> Credential | None:
        account = await self.credentials.records.get(subject, resource)
        if account is None or account.ending:
            return None
        provider = await self.discovered.of(self.providers[resource], subject)
        if account.provider_identity != provider.identity:
            return None
        tokens = self.credentials.opened(account)
        if tokens is None:
            return None
        await self.credentials.seal_again(account, tokens)
        return Credential(account, tokens, provider)

    async def _refreshed(
        self, lease: Lease, provider: AccountProvider, meanwhile: Credential | None
    ) -> Credential | None:
        """Refresh a leased credential.

        Args:
            provider: that has issued it.
            meanwhile: the credential, if it can still be used.
        """
        if isinstance(provider, ApiKeyProvider):
            raise TypeError("an API key is never due")
        try:
            async with asyncio.timeout(_CALL_S):
                tokens = await self.requests.refresh(provider, lease.tokens.refresh_token or "")
        except UpstreamRefusedError:
            await self._end_by_provider(lease.account)
            return None
        except (UpstreamUnavailableError, TimeoutError) as error:
            await self.credentials.release(lease)
            if isinstance(error, UpstreamClientRefusedError):
                await self.discovered.note_refused(self.providers[lease.account.resource], provider)
            reason, detail = getattr(error, "reason", "time is up"), getattr(error, "detail", None)
            _log.warning("credential not refreshed", provider=provider.name, reason=reason, detail=detail)
            if meanwhile is not None:
                return meanwhile
            raise UpstreamUnavailableError(reason, detail=detail) from error
        renewed = await self.credentials.replace(lease, tokens)
        # Afterwards: the earlier refresh token may be of no use any longer.
        await self.discovered.note_accepted(self.providers[lease.account.resource], provider)
        if renewed is not None:
            return Credential(renewed, tokens, provider)
        return await self._stored(lease.account.subject, lease.account.resource)

    async def disconnect(self, subject: str, resource: str, **about: str) -> bool:
        """End the use of a connected account. After an error, it is safe to repeat, and has to be.

        Args:
            about: for the journal.

        Returns:
            whether there was one. Its tokens are revoked at the provider in the background.

        Raises:
            StoreUnavailableError: something may not have been done; the account is listed until it is.
        """
        records = self.credentials.records
        account = await records.get(subject, resource)
        if account is None or not await records.begin_end(account):
            return False
        await records.leave_to_revoke(account)
        await self.disconnections.add(account, account.version)
        await self._end(account, AccountAction.UPSTREAM_DISCONNECTED, **about)
        _log.info("account disconnected", subject=subject, resource=resource, provider=account.provider)
        return True

    async def _end_by_provider(self, account: ConnectedAccount) -> None:
        await self.disconnections.add(account, account.version)
        await self._end(account, AccountAction.UPSTREAM_ENDED)

    async def _end(self, account: ConnectedAccount, action: AccountAction, **about: str) -> None:
        try:
            ended = await self.credentials.records.end(account)
        except StoreUnavailableError:  # it may have ended, and then a repetition does not find it
            await self.events.record(action, account.subject, resource=account.resource, **about)
            raise
        if ended:
            await self.events.record(action, account.subject, resource=account.resource, **about)

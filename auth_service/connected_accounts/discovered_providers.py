"""Providers that are discovered: read once an hour, by one process of all, and kept in the store (GW-1).

All processes use the same document, so that they agree on the authorization server of an upstream, and
register there once. A changed authorization server, client or `resource` changes the identity of the
provider: what the earlier one has issued is no longer used, and not sent to the new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from time import monotonic

from auth_service.connected_accounts.discovered_records import (
    DiscoveredRecord,
    DiscoveredRecords,
    DiscoveredUpstream,
)
from auth_service.connected_accounts.discovery import Discovered, Discovery
from auth_service.connected_accounts.token_requests import UpstreamUnavailableError
from auth_service.fetching import SingleFlight
from auth_service.journal.account_events import AccountAction, AccountEvents
from auth_service.protocol.reasons import Reason
from auth_service.protocol.upstream_client import UpstreamClient, document_client, document_url
from auth_service.protocol.upstream_metadata import OFFLINE_ACCESS, ServerMetadata
from auth_service.protocol.upstream_providers import (
    AccountProvider,
    ConfiguredProvider,
    UpstreamDiscovery,
    UpstreamPreset,
    UpstreamProvider,
)
from shared.clock import Clock
from shared.logs import get_logger

_log = get_logger(__name__)

FRESH_S = 3_600
STALE_S = 86_400
"""How long metadata that cannot be read again is still used."""

WAIT_S = 10.0
"""How long a request waits for another process that reads the same metadata for the first time."""

LOOK_EVERY_S = 10
"""How long a process does not look whether another one has read the metadata again."""

_CALL_S = 20.0
_RENEWAL_S = 3.0
"""Shorter where the earlier metadata can be used meanwhile: resource servers wait 5 s for an answer."""
_LOOK_AGAIN_S = 0.1


@dataclass(frozen=True, slots=True)
class _Cached:
    provider: UpstreamProvider
    until: float


@dataclass(frozen=True, kw_only=True)
class DiscoveredProviders:
    """Returns the provider behind the settings of a resource."""

    records: DiscoveredRecords
    discovery: Discovery
    events: AccountEvents
    clock: Clock
    cached: dict[str, _Cached] = field(default_factory=dict)
    flights: SingleFlight[UpstreamProvider] = field(default_factory=SingleFlight)

    async def of(self, configured: ConfiguredProvider, subject: str) -> AccountProvider:
        """Return a provider; discover it if need be.

        Args:
            subject: whose request it is, for the journal.

        Raises:
            UpstreamUnavailableError: it cannot be discovered, or this server cannot be registered there.
        """
        if not isinstance(configured, UpstreamDiscovery):
            return configured
        cached = self.cached.get(configured.resource)
        if cached is not None and self.clock() < cached.until:
            return cached.provider
        return await self.flights.run(configured.resource, lambda: self._current(configured, subject))

    async def _current(self, configured: UpstreamDiscovery, subject: str) -> UpstreamProvider:
        discovered = await self._discovered(configured, subject)
        provider = _provider(configured, discovered)
        self.cached[configured.resource] = _Cached(provider, self.clock() + LOOK_EVERY_S)
        return provider

    async def _discovered(self, configured: UpstreamDiscovery, subject: str) -> DiscoveredUpstream:
        deadline = monotonic() + WAIT_S
        while True:
            record, stored = await self.records.get(configured)
            now = int(self.clock())
            earlier = stored if stored is not None and _fits(configured, stored) else None
            if earlier is not None and now < earlier.read_at + FRESH_S:
                return earlier
            lease = await self.records.lease(configured, record)
            if lease is not None:
                renewed = await self._renewed(configured, lease, earlier, subject)
                if renewed is not None:
                    return renewed
            if earlier is not None and now < earlier.read_at + STALE_S:
                return earlier
            if now < record.failed_until or monotonic() > deadline:
                raise _unavailable(record)
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def _renewed(
        self,
        configured: UpstreamDiscovery,
        lease: DiscoveredRecord,
        earlier: DiscoveredUpstream | None,
        subject: str,
    ) -> DiscoveredUpstream | None:
        """Discover a leased upstream again; None if its document has changed in the meantime."""
        try:
            async with asyncio.timeout(_CALL_S if earlier is None else _RENEWAL_S):
                discovered = await self._read(configured, earlier, subject)
        except (UpstreamUnavailableError, TimeoutError) as error:
            failure = error if isinstance(error, UpstreamUnavailableError) else _late()
            await self.records.fail(configured, lease, failure.reason, failure.cause.code)
            _log.warning(
                "upstream not discovered",
                resource=configured.resource,
                reason=failure.reason,
                reason_code=failure.cause.code,
                detail=failure.detail,
            )
            if earlier is None or self.clock() >= earlier.read_at + STALE_S:
                raise failure from error
            return earlier
        return discovered if await self.records.save(configured, lease, discovered) else None

    async def _read(
        self, configured: UpstreamDiscovery, earlier: DiscoveredUpstream | None, subject: str
    ) -> DiscoveredUpstream:
        in_use = None if earlier is None else earlier.server.issuer
        read = await self.discovery.read(configured, in_use)
        now = int(self.clock())
        kept = None if earlier is None else self._kept(earlier, read.server, now)
        _note_change(configured, earlier, read)
        return DiscoveredUpstream(
            upstream=read.resource.resource,
            scopes=read.scopes,
            server=read.server,
            client=kept or await self._client(configured, read.server, subject),
            client_used=kept is not None,
            read_at=now,
        )

    def _kept(self, earlier: DiscoveredUpstream, server: ServerMetadata, now: int) -> UpstreamClient | None:
        """Return the earlier client if it can be used on.

        A registered client with which nobody has connected is not kept: the server may have deleted it, and
        would tell only the person.
        """
        client = earlier.client
        if client is None or not earlier.client_used or earlier.server.issuer != server.issuer:
            return None
        if client.client_id == document_url(self.discovery.issuer):
            return document_client(server, self.discovery.issuer)
        return None if client.expires_at is not None and client.expires_at <= now + FRESH_S else client

    async def _client(
        self, configured: UpstreamDiscovery, server: ServerMetadata, subject: str
    ) -> UpstreamClient | None:
        if configured.client_id is not None:
            return None
        ours = document_client(server, self.discovery.issuer)
        if ours is not None:
            return ours
        client = await self.discovery.register(server)
        about = {"resource": configured.resource, "provider": server.issuer, "registered": client.client_id}
        await self.events.record(AccountAction.UPSTREAM_REGISTERED, subject, **about)
        _log.info("registered at a provider", subject=subject, **about)
        return client

    async def note_used(self, configured: ConfiguredProvider, provider: UpstreamProvider) -> None:
        """Record that an account was connected with the client of a provider."""

        def rule(stored: DiscoveredUpstream) -> DiscoveredUpstream | None:
            is_its_own = stored.client is not None and stored.client.client_id == provider.client_id
            return replace(stored, client_used=True) if is_its_own and not stored.client_used else None

        if isinstance(configured, UpstreamDiscovery):
            await self.records.change(configured, rule)

    async def drop_client(
        self, configured: ConfiguredProvider, provider: UpstreamProvider, *, of_account: bool
    ) -> None:
        """Register again with the next request: the provider no longer accepts the client.

        A client of the operator or of our metadata document stays: another registration would not help.

        Args:
            of_account: whether the provider refused it for an account that was connected with it. Anybody can
                provoke such an answer to a code, which must not end the accounts of all others.
        """

        def rule(stored: DiscoveredUpstream) -> DiscoveredUpstream | None:
            if stored.client is None or stored.client.client_id != provider.client_id:
                return None
            if stored.client_used and not of_account:
                return None
            return replace(stored, client_used=False, read_at=0)

        if isinstance(configured, UpstreamDiscovery):
            if provider.client_id != document_url(self.discovery.issuer):
                await self.records.change(configured, rule)
            self.cached.pop(configured.resource, None)


def _fits(configured: UpstreamDiscovery, stored: DiscoveredUpstream) -> bool:
    """Check that the settings have not changed since."""
    if (configured.client_id is None) != (stored.client is not None):
        return False
    return configured.issuer in (None, stored.server.issuer)


def _provider(configured: UpstreamDiscovery, discovered: DiscoveredUpstream) -> UpstreamProvider:
    server, client = discovered.server, discovered.client
    if client is None:
        basic = "client_secret_basic" in server.auth_methods
        client = UpstreamClient(
            client_id=configured.client_id or "", client_secret=configured.client_secret, basic=basic
        )
    return UpstreamProvider(
        resource=configured.resource,
        preset=UpstreamPreset(
            name=configured.name,
            authorization_endpoint=server.authorization_endpoint,
            token_endpoint=server.token_endpoint,
            revocation_endpoint=server.revocation_endpoint,
            issuers=(server.issuer,),
            offline_scopes=(OFFLINE_ACCESS,) if server.offline_access else (),
            parameters=configured.parameters,
            basic=client.basic,
        ),
        client_id=client.client_id,
        client_secret=client.client_secret,
        scopes=configured.scopes or discovered.scopes,
        sends_iss=server.sends_iss,
        upstream=discovered.upstream,
    )


def _note_change(configured: UpstreamDiscovery, earlier: DiscoveredUpstream | None, read: Discovered) -> None:
    if earlier is not None and earlier.server.issuer != read.server.issuer:
        about: Mapping[str, str] = {"earlier": earlier.server.issuer, "provider": read.server.issuer}
        _log.warning("authorization server of an upstream changed", resource=configured.resource, **about)


def _late() -> UpstreamUnavailableError:
    return UpstreamUnavailableError(
        "the upstream did not respond in time", cause=Reason.CONNECT_DISCOVERY_FAILED
    )


def _unavailable(record: DiscoveredRecord) -> UpstreamUnavailableError:
    code = record.failure_code
    causes = (Reason.CONNECT_DISCOVERY_FAILED, Reason.CONNECT_REGISTRATION_FAILED)
    cause = next((each for each in causes if each.code == code), Reason.CONNECT_DISCOVERY_FAILED)
    return UpstreamUnavailableError(
        record.failure or "another process reads the metadata of the upstream", cause=cause
    )

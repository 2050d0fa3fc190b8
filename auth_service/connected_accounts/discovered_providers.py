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
"""How long metadata that cannot be read again is still used, counted from the first attempt that failed: the
first call after a weekend must not depend on that moment."""

OLDEST_S = 7 * 86_400
"""How old such metadata may be: an endpoint that has moved may belong to somebody else by then."""

CONFIRM_S = 300
"""How long a provider must have refused a client with which people are connected before it counts as gone."""

WAIT_S = 10.0
"""How long a request waits for another process that reads the same metadata for the first time."""

LOOK_EVERY_S = 10
"""How long a process does not look whether another one has read the metadata again."""

_CALL_S = 20.0
_RENEWAL_S = 3.0
"""Shorter where the earlier metadata can be used meanwhile: resource servers wait 5 s for an answer."""

_CHECK_S = 1.0
"""How long the check of a client may take in addition; without an answer, the client stays."""
_DOUBT_CHECK_S = 10.0
"""The same if the client was refused."""

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
            if earlier is not None and now < earlier.read_at + FRESH_S and not _is_doubtful(earlier, now):
                return earlier
            lease = await self.records.lease(configured, record)
            if lease is not None:
                renewed = await self._renewed(configured, lease, earlier, subject)
                if renewed is not None:
                    return renewed
            if earlier is not None and _can_be_used(earlier, record, now):
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
        now = int(self.clock())
        # With a client that is refused, there is less to lose than by a registration that is cut off.
        # Metadata that is too old helps nobody, and would stay too old if the upstream is always slow.
        if_it_fails = replace(lease, failing_since=lease.failing_since or now)
        waits = earlier is None or _is_doubtful(earlier, now) or not _can_be_used(earlier, if_it_fails, now)
        try:
            async with asyncio.timeout(_CALL_S if waits else _RENEWAL_S + _CHECK_S):
                discovered = await self._read(configured, earlier, subject)
        except (UpstreamUnavailableError, TimeoutError) as error:
            failure = error if isinstance(error, UpstreamUnavailableError) else _late()
            record = await self.records.fail(configured, lease, failure)
            _log.warning(
                "upstream not discovered",
                resource=configured.resource,
                reason=failure.reason,
                reason_code=failure.cause.code,
                detail=failure.detail,
            )
            if earlier is None or not _can_be_used(earlier, record, now):
                raise failure from error
            return earlier
        return discovered if await self.records.save(configured, lease, discovered) else None

    async def _read(
        self, configured: UpstreamDiscovery, earlier: DiscoveredUpstream | None, subject: str
    ) -> DiscoveredUpstream:
        in_use = None if earlier is None else earlier.server.issuer
        read = await self.discovery.read(configured, in_use)
        now = int(self.clock())
        _note_change(configured, earlier, read)
        registered = None if earlier is None else await self._kept(earlier, read.server, now)
        if registered is None:
            registered = _Client(await self._client(configured, read.server, subject))
        return DiscoveredUpstream(
            upstream=read.resource.resource,
            scopes=read.scopes,
            server=read.server,
            client=registered.client,
            client_used=registered.used,
            read_at=now,
            refused_at=registered.refused_at,
        )

    async def _kept(self, earlier: DiscoveredUpstream, server: ServerMetadata, now: int) -> _Client | None:
        """Return the earlier client; None if it cannot be used any longer.

        The server is asked, since otherwise only a person at its own pages may learn that it has deleted the
        client. Another client ends the accounts of everybody, so one refusal is not enough if there are any.
        """
        client = earlier.client
        if client is None or earlier.server.issuer != server.issuer:
            return None
        if client.client_id == document_url(self.discovery.issuer):
            ours = document_client(server, self.discovery.issuer)
            return None if ours is None else _Client(ours, used=earlier.client_used)
        if client.expires_at is not None and client.expires_at <= now + FRESH_S:
            return None
        refuses = await self._refuses(
            server, client, _DOUBT_CHECK_S if _is_doubtful(earlier, now) else _CHECK_S
        )
        if refuses is False:
            return _Client(client, used=earlier.client_used)
        if refuses is None:
            return _Client(client, used=earlier.client_used, refused_at=now if earlier.refused_at else 0)
        if not earlier.client_used or _is_doubtful(earlier, now):
            return None
        return _Client(client, used=True, refused_at=earlier.refused_at or now)

    async def _refuses(self, server: ServerMetadata, client: UpstreamClient, within_s: float) -> bool | None:
        """Check whether the server refuses the client; None if it cannot be asked, or is slow to answer."""
        try:
            async with asyncio.timeout(within_s):
                return await self.discovery.refuses(server, client)
        except TimeoutError:
            return None

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

    async def note_accepted(self, configured: ConfiguredProvider, provider: UpstreamProvider) -> None:
        """Record that a provider has issued tokens to its client, with which somebody is now connected."""

        def rule(stored: DiscoveredUpstream) -> DiscoveredUpstream | None:
            unchanged = stored.client_used and not stored.refused_at
            if unchanged or not _is_client(stored, provider):
                return None
            return replace(stored, client_used=True, refused_at=0)

        if isinstance(configured, UpstreamDiscovery):
            await self.records.change(configured, rule)

    async def note_refused(self, configured: ConfiguredProvider, provider: UpstreamProvider) -> None:
        """Record that a provider has refused its client in a request for one person.

        That decides nothing: the provider is asked after `CONFIRM_S`, with the token of nobody. A client with
        which nobody has connected is checked at once. A client of the operator or of our metadata document
        stays in any case: another registration would not help.
        """
        now = int(self.clock())

        def rule(stored: DiscoveredUpstream) -> DiscoveredUpstream | None:
            if stored.refused_at or not _is_client(stored, provider):
                return None
            return replace(stored, refused_at=now if stored.client_used else now - CONFIRM_S)

        if isinstance(configured, UpstreamDiscovery):
            if provider.client_id != document_url(self.discovery.issuer):
                await self.records.change(configured, rule)
            self.cached.pop(configured.resource, None)


@dataclass(frozen=True, slots=True)
class _Client:
    """This server as a client; see `DiscoveredUpstream`."""

    client: UpstreamClient | None
    used: bool = False
    refused_at: int = 0


def _is_client(stored: DiscoveredUpstream, provider: UpstreamProvider) -> bool:
    return stored.client is not None and stored.client.client_id == provider.client_id


def _is_doubtful(stored: DiscoveredUpstream, now: int) -> bool:
    """Check whether it is time to ask whether the client is gone."""
    return 0 < stored.refused_at <= now - CONFIRM_S


def _can_be_used(stored: DiscoveredUpstream, record: DiscoveredRecord, now: int) -> bool:
    """Check whether metadata can be used although it could not be read again."""
    if now < stored.read_at + STALE_S:
        return True
    away = record.failing_since > 0 and now < record.failing_since + STALE_S
    return away and now < stored.read_at + OLDEST_S


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
        "the upstream did not respond in time", cause=Reason.CONNECT_DISCOVERY_FAILED, passing=True
    )


def _unavailable(record: DiscoveredRecord) -> UpstreamUnavailableError:
    code = record.failure_code
    causes = (Reason.CONNECT_DISCOVERY_FAILED, Reason.CONNECT_REGISTRATION_FAILED)
    cause = next((each for each in causes if each.code == code), Reason.CONNECT_DISCOVERY_FAILED)
    return UpstreamUnavailableError(
        record.failure or "another process reads the metadata of the upstream", cause=cause
    )

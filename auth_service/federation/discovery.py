"""The discovery documents of providers, cached for a while."""

from __future__ import annotations

from dataclasses import dataclass

from auth_service.federation.errors import ProviderUnavailableError
from auth_service.fetching import Fetcher, FetchError, SingleFlight
from auth_service.protocol.identity_providers import IdentityProvider
from auth_service.protocol.provider_metadata import (
    ProviderMetadata,
    ProviderMetadataError,
    discovery_url,
    parse_metadata,
)
from shared.clock import Clock
from shared.logs import get_logger

_log = get_logger(__name__)

FRESH_S = 3_600
RETRY_S = 10
STALE_S = 86_400
"""How long a document that cannot be fetched again is still used."""


@dataclass(frozen=True, slots=True)
class _Known:
    metadata: ProviderMetadata
    read_at: float
    tried_at: float


class ProviderDiscovery:
    """Finds the endpoints of providers.

    Args:
        loopback: whether providers may be on this machine, also with http.
    """

    def __init__(self, fetcher: Fetcher, clock: Clock, *, loopback: bool) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._loopback = loopback
        self._cached: dict[str, _Known] = {}
        self._flights: SingleFlight[ProviderMetadata] = SingleFlight()

    async def metadata_of(self, provider: IdentityProvider) -> ProviderMetadata:
        """Return the metadata of a provider.

        Raises:
            ProviderUnavailableError: the metadata is not available at the moment.
        """
        cached, now = self._cached.get(provider.issuer), self._clock()
        if cached and (now < cached.read_at + FRESH_S or now < cached.tried_at + RETRY_S):
            return cached.metadata
        try:
            return await self._flights.run(provider.issuer, lambda: self._fetch(provider.issuer))
        except ProviderUnavailableError as error:
            if cached is None or now >= cached.read_at + STALE_S:
                raise
            _log.warning(
                "identity provider not read again", provider=provider.provider_id, reason=error.reason
            )
            self._cached[provider.issuer] = _Known(cached.metadata, cached.read_at, now)
            return cached.metadata

    async def _fetch(self, issuer: str) -> ProviderMetadata:
        try:
            document = await self._fetcher.fetch_json(discovery_url(issuer))
            metadata = parse_metadata(document, issuer, loopback=self._loopback)
        except FetchError as error:
            raise ProviderUnavailableError.of("the discovery document", error) from error
        except ProviderMetadataError as error:
            raise ProviderUnavailableError(f"the discovery document is not usable: {error}") from error
        now = self._clock()
        self._cached[issuer] = _Known(metadata, now, now)
        return metadata

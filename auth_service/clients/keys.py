"""The public keys of clients: inline, or fetched from where the client publishes them (RFC 7591 §2)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from auth_service.fetching import FetchError, SingleFlight
from auth_service.protocol.client import Client
from auth_service.protocol.errors import InvalidClientError, KeysUnavailableError
from auth_service.protocol.reasons import Reason
from shared.clock import Clock
from shared.logs import get_logger
from shared.public_keys import Jwk

_log = get_logger(__name__)

FRESH_S = 300
REFETCH_AFTER_S = 10
STALE_S = 86_400
"""How long keys that cannot be fetched again are still used: an outage there does not stop this server."""

MOST = 1_000
"""How many key sets are cached; the least recently used one is dropped first."""


class JsonFetcher(Protocol):
    """Fetches JSON from a URL that a client chose, safely."""

    async def fetch_json(self, url: str) -> object:
        """Return the JSON document at `url`.

        Raises:
            FetchError: the document does not exist or may not be fetched.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Fetched:
    keys: Sequence[Jwk]
    read_at: float
    tried_at: float
    failed: bool = False


class PublishedKeys:
    """Key sets, inline or fetched. Fetched sets are cached, and fetched again if they lack a key id."""

    def __init__(self, fetcher: JsonFetcher, clock: Clock) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._fetched: OrderedDict[str, _Fetched] = OrderedDict()
        self._flights: SingleFlight[_Fetched] = SingleFlight()

    async def keys_for(self, jwks: object, jwks_uri: object, kid: object) -> Sequence[Jwk]:
        """Return the keys in `jwks`, or else at `jwks_uri`, fetched again if they lack `kid`.

        Raises:
            InvalidClientError: the client has no keys.
            KeysUnavailableError: the keys cannot be fetched.
        """
        if jwks is not None:
            return _keys_in(jwks)
        if not isinstance(jwks_uri, str):
            raise InvalidClientError(Reason.CLIENT_KEYS_MISSING, "no keys are registered")
        return await self._published(jwks_uri, kid)

    async def _published(self, url: str, kid: object) -> Sequence[Jwk]:
        cached, now = self._fetched.get(url), self._clock()
        if cached is None or now >= cached.tried_at + (
            FRESH_S if _holds(cached.keys, kid) else REFETCH_AFTER_S
        ):
            cached = await self._flights.run(url, lambda: self._fetch(url))
        elif url in self._fetched:
            self._fetched.move_to_end(url)
        if cached.failed and not cached.keys:
            # Not invalid_client: the client may be genuine, and must not delete its registration.
            raise KeysUnavailableError(
                Reason.CLIENT_KEYS_UNREACHABLE, "the keys cannot be fetched; try again later"
            )
        if not cached.keys:
            raise InvalidClientError(Reason.CLIENT_KEYS_MISSING, "no keys are published")
        return cached.keys

    async def _fetch(self, url: str) -> _Fetched:
        cached, now = self._fetched.get(url), self._clock()
        try:
            fetched = _Fetched(_keys_in(await self._fetcher.fetch_json(url)), now, now)
        except (FetchError, InvalidClientError) as error:
            _log.info("keys not fetched", url=url, reason=str(error), detail=error.detail)
            # Failures are cached too, so that nobody can cause one URL to be fetched over and over.
            kept = cached.keys if cached and now < cached.read_at + STALE_S else ()
            fetched = _Fetched(kept, cached.read_at if cached else now, now, failed=True)
            if isinstance(error, FetchError) and not error.sent:
                return fetched  # not cached: it says nothing about the URL
        self._fetched[url] = fetched
        self._fetched.move_to_end(url)
        if len(self._fetched) > MOST:
            self._fetched.popitem(last=False)
        return fetched


class ClientKeys:
    """The keys of clients of either kind."""

    def __init__(self, published: PublishedKeys) -> None:
        self._published = published

    async def keys_of(self, client: Client, kid: object) -> Sequence[Jwk]:
        """Return the keys of `client`, fetched again if they lack `kid`.

        Raises:
            InvalidClientError: the client has no keys.
            KeysUnavailableError: the keys cannot be fetched.
        """
        metadata = client.metadata
        return await self._published.keys_for(metadata.get("jwks"), metadata.get("jwks_uri"), kid)


def _holds(keys: Sequence[Jwk], kid: object) -> bool:
    return any(kid is None or key.get("kid") == kid for key in keys)


def _keys_in(jwks: object) -> list[dict[str, Any]]:
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list):
        raise InvalidClientError(Reason.CLIENT_KEYS_MALFORMED, "the keys are not a JWK Set")
    return [key for key in keys if isinstance(key, dict)]

"""Fetches from the operator's own resource servers the descriptions of their scopes.

The addresses come from the operator's settings and may be internal, so this module does not use the fetcher
for URLs that strangers chose. Responses are still bounded, cached for a minute, and waited for only briefly;
without them the consent page shows what it would show without any resource server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx2

from auth_service.protocol.scope_details import ResourceDescription, read_description
from shared.cancellation import cancel_and_wait
from shared.clock import Clock
from shared.http_exchange import NoAnswerError, exchange, http_client
from shared.logs import get_logger

PATIENCE_S = 1.0
"""How long a page waits for a description."""

TIMEOUT_S = 5.0
KEPT_S = 60.0
FAILURE_KEPT_S = 10.0
MAX_BYTES = 131_072

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ConfiguredResource:
    """A resource as configured on this server.

    Attributes:
        metadata_url: the URL of its metadata document.
        scopes: the scopes that are granted for it.
    """

    metadata_url: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Kept:
    description: ResourceDescription
    until: float


class ResourceDescriptions:
    """Caches the scope descriptions of each configured resource.

    Args:
        resources: the configured resources by identifier.
    """

    def __init__(self, resources: Mapping[str, ConfiguredResource], clock: Clock) -> None:
        self._resources = resources
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._last_logged: dict[str, object] = {}

    async def of(self, resource: str) -> ResourceDescription:
        """Return the description of `resource`, at most a minute old; an empty one if unavailable."""
        if resource not in self._resources:
            return ResourceDescription()
        if not self._is_fresh(resource):
            # One fetch at a time; it continues when its first caller has stopped waiting.
            asking = self._asking.get(resource)
            if asking is None:
                asking = self._asking[resource] = asyncio.create_task(self._ask(resource))
            await asyncio.wait({asking}, timeout=PATIENCE_S)
        return self._kept[resource].description if self._is_fresh(resource) else ResourceDescription()

    async def aclose(self) -> None:
        """Cancel all fetches."""
        await cancel_and_wait(*self._asking.values())

    def _is_fresh(self, resource: str) -> bool:
        kept = self._kept.get(resource)
        return kept is not None and self._clock() < kept.until

    async def _ask(self, resource: str) -> None:
        described = self._resources[resource]
        try:
            description = read_description(await _fetch(described.metadata_url), resource)
            kept_s = KEPT_S
            self._compare(resource, described, description)
        except (NoAnswerError, httpx2.InvalidURL, OSError, ValueError) as error:
            description, kept_s = ResourceDescription(), FAILURE_KEPT_S
            reason = f"{type(error).__name__} {error}"
            self._say_once(
                _log.info, resource, "a resource does not say what its scopes allow", reason=reason
            )
        finally:
            self._asking.pop(resource, None)
        self._kept[resource] = _Kept(description, self._clock() + kept_s)

    def _compare(
        self, resource: str, described: ConfiguredResource, description: ResourceDescription
    ) -> None:
        """Warn about scopes not granted here (AS-21): clients request every scope a resource announces."""
        if unknown := sorted(description.scopes - described.scopes):
            self._say_once(
                _log.warning,
                resource,
                "a resource asks for scopes that are not granted; see `doorward policy scopes`",
                scopes=unknown[:20],
            )
        else:
            self._last_logged.pop(resource, None)

    def _say_once(self, say: Callable[..., None], resource: str, event: str, **details: object) -> None:
        if self._last_logged.get(resource) != (event, details):
            self._last_logged[resource] = (event, details)
            say(event, resource=resource, **details)


async def _fetch(url: str) -> bytes:
    """Fetch the document at `url`.

    Raises:
        NoAnswerError: no response arrived in time, or it exceeds the limits.
        OSError: the trusted certificates cannot be read.
        ValueError: the status is not 200.
    """
    # The environment may name certificates to trust, but no proxy.
    transport = httpx2.AsyncHTTPTransport(trust_env=True)
    async with http_client(timeout=TIMEOUT_S, transport=transport) as http:
        request = http.build_request("GET", url, headers={"Accept": "application/json"})
        answer = await exchange(http, request, timeout_s=TIMEOUT_S, max_bytes=MAX_BYTES)
    if answer.status != 200:
        raise ValueError(f"status {answer.status}")
    return answer.body

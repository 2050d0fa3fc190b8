"""Fetches client ID metadata documents from their URLs."""

from __future__ import annotations

import copy
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from auth_service.clients.sectors import Sectors
from auth_service.fetching import Fetcher, FetchError
from auth_service.fetching.freshness import Freshness
from auth_service.protocol.cimd import MAX_DOCUMENT_BYTES, DocumentRules, read_document, refused
from auth_service.protocol.errors import InvalidClientError, InvalidClientMetadataError
from shared.clock import Clock

FRESHNESS = Freshness(least=60, default=3_600, most=86_400)
HOLD_OFF_S = 30
"""How long to wait before a document that could not be fetched is requested again."""

_MOST_FAILURES = 1_000


@dataclass(frozen=True, slots=True)
class ClientDocument:
    """A valid client ID metadata document.

    Attributes:
        metadata: as `Client.metadata`.
        fresh_for_s: seconds for which the document need not be fetched again (RFC 9111 §4.2).
    """

    metadata: dict[str, Any]
    fresh_for_s: int


class ClientMetadataFetcher:
    """Fetches metadata documents, and waits after a failure before it tries again.

    Args:
        rules: the rules that a document must meet.
    """

    def __init__(self, fetcher: Fetcher, rules: DocumentRules, clock: Clock) -> None:
        self._fetcher = fetcher
        self._rules = rules
        self._sectors = Sectors(fetcher, clock)
        self._failures = _Failures(clock)
        self._clock = clock

    async def fetch_document(self, client_id: str) -> ClientDocument:
        """Fetch the document at `client_id`.

        Raises:
            FetchError: the document cannot be fetched.
            InvalidClientError: the document does not belong to this client, or is not valid.
        """
        self._failures.check(client_id)
        try:
            return await self._read(client_id)
        except (FetchError, InvalidClientError) as error:
            if not isinstance(error, FetchError) or error.sent:
                self._failures.note(client_id, error)
            raise

    async def _read(self, client_id: str) -> ClientDocument:
        fetched = await self._fetcher.get(client_id, max_bytes=MAX_DOCUMENT_BYTES)
        metadata = read_document(client_id, fetched.json(), self._rules)
        await self._check_sector(metadata)
        return ClientDocument(metadata, FRESHNESS.of(fetched.headers, self._clock()))

    async def _check_sector(self, metadata: dict[str, Any]) -> None:
        try:
            await self._sectors.check(metadata)
        except InvalidClientMetadataError as error:
            raise refused(error.description) from error


class _Failures:
    """Recent fetch failures. No response is cached (draft §5.2), only the time until the next attempt."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._of: OrderedDict[str, tuple[float, FetchError | InvalidClientError]] = OrderedDict()

    def check(self, client_id: str) -> None:
        until, error = self._of.get(client_id, (0.0, None))
        if error is not None and self._clock() < until:
            raise copy.copy(error)

    def note(self, client_id: str, error: FetchError | InvalidClientError) -> None:
        self._of[client_id] = self._clock() + HOLD_OFF_S, error
        self._of.move_to_end(client_id)
        if len(self._of) > _MOST_FAILURES:
            self._of.popitem(last=False)

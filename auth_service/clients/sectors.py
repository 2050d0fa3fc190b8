"""Checks sectors: fetches the list of redirect URIs at a client's `sector_identifier_uri`."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from auth_service.clients.keys import JsonFetcher
from auth_service.fetching import FetchError, SingleFlight
from auth_service.protocol.errors import InvalidClientMetadataError
from auth_service.protocol.reasons import Reason
from auth_service.protocol.subjects import check_sector_document
from shared.clock import Clock

KEPT_S = 60
MOST_READS = 5
"""How often one list is fetched within `KEPT_S` if the cached one does not match, as it may have changed."""
MOST = 200


@dataclass(frozen=True, slots=True)
class _Kept:
    """A list of redirect URIs, or the error that prevented fetching it.

    Attributes:
        reads: how often the list was fetched since `since`.
    """

    document: object
    read_at: float
    since: float
    reads: int = 1

    def check(self, redirect_uris: Sequence[str]) -> None:
        if isinstance(self.document, FetchError):
            raise copy.copy(self.document)
        check_sector_document(self.document, redirect_uris)

    def may_be_read_again(self, now: float) -> bool:
        return self.reads < MOST_READS or now >= self.since + KEPT_S


class Sectors:
    """Checks that a client belongs to the sector it names.

    The list is cached for a minute, and fetched again a few times in that minute if it does not match. A
    client that keeps changing its registration must not cause another site to be fetched over and over.
    """

    def __init__(self, fetcher: JsonFetcher, clock: Clock) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._flights: SingleFlight[_Kept] = SingleFlight()

    async def check(self, metadata: Mapping[str, Any]) -> None:
        """Check the redirect URIs against the list at `sector_identifier_uri`, if there is one.

        Raises:
            InvalidClientMetadataError: the list lacks a redirect URI, or the document is not a list.
            FetchError: the list cannot be fetched.
        """
        uri = metadata.get("sector_identifier_uri")
        if uri is None:
            return
        redirect_uris = metadata.get("redirect_uris", ())
        if not self._is_kept_and_good(uri, redirect_uris):
            read = await self._flights.run(uri, lambda: self._read(uri))
            read.check(redirect_uris)

    def _is_kept_and_good(self, uri: str, redirect_uris: Sequence[str]) -> bool:
        kept = self._kept.get(uri)
        if kept is None or self._clock() >= kept.read_at + KEPT_S:
            return False
        try:
            kept.check(redirect_uris)
        except (FetchError, InvalidClientMetadataError):
            if not kept.may_be_read_again(self._clock()):
                raise
            return False
        return True

    async def _read(self, uri: str) -> _Kept:
        document: object
        try:
            document = await self._fetcher.fetch_json(uri)
        except FetchError as error:
            document = error
        before, now = self._kept.get(uri), self._clock()
        kept = _Kept(document, now, now)
        if before is not None and now < before.since + KEPT_S:
            kept = replace(kept, since=before.since, reads=before.reads + 1)
        self._kept[uri] = kept
        self._kept.move_to_end(uri)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return kept

    async def admit(self, metadata: Mapping[str, Any]) -> None:
        """Check the sector of a registration, which fails for whatever reason.

        Raises:
            InvalidClientMetadataError: see `check`.
        """
        try:
            await self.check(metadata)
        except FetchError as error:
            raise InvalidClientMetadataError(
                Reason.SECTOR_UNREADABLE,
                f"sector_identifier_uri cannot be read: {error.reason}",
                detail=error.detail,
            ) from error

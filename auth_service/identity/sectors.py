"""The list of redirect URIs that stands for a sector, read where a client says it is."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auth_service.identity.client_keys import JsonFetcher
from auth_service.outbound import FetchError, SingleFlight
from auth_service.protocol.errors import InvalidClientMetadataError
from auth_service.protocol.subjects import check_sector_document
from shared.clock import Clock

KEPT_S = 60
READ_AGAIN_AFTER_S = 10
MOST = 200


@dataclass(frozen=True, slots=True)
class _Kept:
    document: object
    read_at: float

    @property
    def good_for_s(self) -> int:
        return READ_AGAIN_AFTER_S if isinstance(self.document, FetchError) else KEPT_S


class Sectors:
    """Checks that a client belongs to the sector it names.

    The list is kept for a minute, and read again after ten seconds where it did not do: a client that changes
    its registration over and over must not have somebody else's site asked over and over.
    """

    def __init__(self, fetcher: JsonFetcher, clock: Clock) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._flights: SingleFlight[_Kept] = SingleFlight()

    async def check(self, metadata: Mapping[str, Any]) -> None:
        """Read the list at `sector_identifier_uri`, if there is one.

        Raises:
            InvalidClientMetadataError: it lacks one of the client's redirect URIs, or is no list.
            FetchError: it cannot be had.
        """
        uri = metadata.get("sector_identifier_uri")
        if uri is None:
            return
        redirect_uris = metadata.get("redirect_uris", ())
        try:
            check_sector_document(await self._document(str(uri), KEPT_S), redirect_uris)
        except InvalidClientMetadataError:
            # The list may have been changed for this very registration.
            check_sector_document(await self._document(str(uri), READ_AGAIN_AFTER_S), redirect_uris)

    async def _document(self, uri: str, at_most_s: int) -> object:
        kept = self._kept.get(uri)
        if kept is None or self._clock() >= kept.read_at + min(at_most_s, kept.good_for_s):
            kept = await self._flights.run(uri, lambda: self._read(uri))
        if isinstance(kept.document, FetchError):
            raise copy.copy(kept.document)
        return kept.document

    async def _read(self, uri: str) -> _Kept:
        document: object
        try:
            document = await self._fetcher.fetch_json(uri)
        except FetchError as error:
            document = error
        kept = self._kept[uri] = _Kept(document, self._clock())
        self._kept.move_to_end(uri)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return kept

    async def admit(self, metadata: Mapping[str, Any]) -> None:
        """The same for a registration, which fails whatever the reason.

        Raises:
            InvalidClientMetadataError: see `check`.
        """
        try:
            await self.check(metadata)
        except FetchError as error:
            raise InvalidClientMetadataError(
                f"sector_identifier_uri cannot be read: {error.reason}", detail=error.detail
            ) from error

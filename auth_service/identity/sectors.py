"""The list of redirect URIs that stands for a sector, read where a client says it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auth_service.identity.client_keys import JsonFetcher
from auth_service.outbound import FetchError
from auth_service.protocol.errors import InvalidClientMetadataError
from auth_service.protocol.subjects import check_sector_document


class Sectors:
    """Checks that a client belongs to the sector it names. Nothing is kept: the rule is of registration."""

    def __init__(self, fetcher: JsonFetcher) -> None:
        self._fetcher = fetcher

    async def check(self, metadata: Mapping[str, Any]) -> None:
        """Read the list at `sector_identifier_uri`, if there is one.

        Raises:
            InvalidClientMetadataError: it lacks one of the client's redirect URIs, or is no list.
            FetchError: it cannot be had.
        """
        uri = metadata.get("sector_identifier_uri")
        if uri is not None:
            document = await self._fetcher.fetch_json(uri)
            check_sector_document(document, metadata.get("redirect_uris", ()))

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

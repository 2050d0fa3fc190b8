"""Public and pairwise subject identifiers (OIDC Core §8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from auth_service.protocol.errors import InvalidClientMetadataError
from auth_service.protocol.reasons import Reason

SUBJECT_TYPES = ("public", "pairwise")


@dataclass(frozen=True, slots=True)
class ClientSubject:
    """A client's identifiers for a user and for the session in which the user logged in."""

    subject: str
    session_id: str | None


def sector_of(metadata: Mapping[str, Any]) -> str | None:
    """Return the sector identifier of a client with pairwise subjects (§8.1); None for public subjects.

    Raises:
        InvalidClientMetadataError: the sector cannot be determined.
    """
    if metadata.get("subject_type") != "pairwise":
        return None
    named = metadata.get("sector_identifier_uri")
    uris = [str(named)] if named else metadata.get("redirect_uris", ())
    hosts = {urlsplit(uri).hostname for uri in uris}
    if len(hosts) != 1 or None in hosts:
        raise InvalidClientMetadataError(
            Reason.SECTOR_INVALID,
            "pairwise subjects require a sector_identifier_uri, or redirect URIs of one host",
        )
    return hosts.pop()


def check_sector_document(document: object, redirect_uris: Iterable[str]) -> None:
    """Check that the sector's document lists all redirect URIs of a client.

    Args:
        document: the JSON at the client's `sector_identifier_uri`.

    Raises:
        InvalidClientMetadataError: it does not list all of them (OpenID Connect Registration §5).
    """
    if not isinstance(document, list):
        raise InvalidClientMetadataError(
            Reason.SECTOR_INVALID, "the document at sector_identifier_uri is not a list of redirect URIs"
        )
    if any(uri not in document for uri in redirect_uris):
        raise InvalidClientMetadataError(
            Reason.SECTOR_INVALID, "the list at sector_identifier_uri lacks a redirect URI of the client"
        )

"""Whether a client knows a user by the subject that all know, or by its sector's alone (OIDC Core §8)."""

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
    """What a client calls a user, and the session in which the user logged in."""

    subject: str
    session_id: str | None


def sector_of(metadata: Mapping[str, Any]) -> str | None:
    """The sector identifier of a client with pairwise subjects (§8.1); None where subjects are public.

    Raises:
        InvalidClientMetadataError: nothing says which sector it would be.
    """
    if metadata.get("subject_type") != "pairwise":
        return None
    named = metadata.get("sector_identifier_uri")
    uris = [str(named)] if named else metadata.get("redirect_uris", ())
    hosts = {urlsplit(uri).hostname for uri in uris}
    if len(hosts) != 1 or None in hosts:
        raise InvalidClientMetadataError(
            Reason.SECTOR_INVALID,
            "pairwise subjects need a sector_identifier_uri, or redirect URIs of one host",
        )
    return hosts.pop()


def check_sector_document(document: object, redirect_uris: Iterable[str]) -> None:
    """Whether those who answer for a sector say that all of a client's redirect URIs are theirs.

    Args:
        document: what is at the client's `sector_identifier_uri`.

    Raises:
        InvalidClientMetadataError: they do not (OpenID Connect Registration §5).
    """
    if not isinstance(document, list):
        raise InvalidClientMetadataError(
            Reason.SECTOR_INVALID, "sector_identifier_uri does not lead to a list of redirect URIs"
        )
    if any(uri not in document for uri in redirect_uris):
        raise InvalidClientMetadataError(
            Reason.SECTOR_INVALID, "the list at sector_identifier_uri lacks a redirect URI"
        )

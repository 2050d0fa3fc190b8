"""The metadata of a client that the operator creates: what a client may register, with any grant type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auth_service.protocol.device import GRANT_TYPE
from auth_service.protocol.errors import InvalidClientMetadataError
from auth_service.protocol.reasons import Reason
from auth_service.protocol.registration import parse_metadata

GRANT_TYPES = (
    "authorization_code",
    "refresh_token",
    "client_credentials",
    GRANT_TYPE,
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
)


def operator_metadata(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata to store.

    Unlike in a registration, an unknown grant type is an error: nobody sees what was dropped.

    Raises:
        InvalidClientMetadataError: a member is not valid, or two contradict each other.
        InvalidRedirectUriError: a redirect URI is not valid, or is missing.
    """
    unknown = [grant for grant in _texts(members.get("grant_types")) if grant not in GRANT_TYPES]
    if unknown:
        raise InvalidClientMetadataError(
            Reason.CLIENT_METADATA_INVALID, f"grant_types must be among {', '.join(GRANT_TYPES)}"
        )
    metadata, translations = parse_metadata(dict(members))
    return {**metadata.registered(GRANT_TYPES), **translations}


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

"""The form with the metadata of a client that the operator creates or edits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auth_service.administration.client_metadata import GRANT_TYPES
from auth_service.protocol.client import Client
from auth_service.protocol.parameters import Parameters
from shared.texts import Text

LABELS = {
    "authorization_code": Text("People log in and allow it (authorization_code)"),
    "refresh_token": Text("It stays connected (refresh_token)"),
    "client_credentials": Text("It acts for itself (client_credentials)"),
    "urn:ietf:params:oauth:grant-type:device_code": Text("People enter a code from a device (device_code)"),
    "urn:ietf:params:oauth:grant-type:token-exchange": Text("It exchanges tokens (token-exchange)"),
    "urn:ietf:params:oauth:grant-type:jwt-bearer": Text("It presents assertions (jwt-bearer)"),
}


def members_of(form: Parameters, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a posted form.

    Args:
        before: the members so far; those that the form does not have stay.
    """
    members = {
        "client_name": (form.get("client_name") or "").strip(),
        "redirect_uris": (form.get("redirect_uris") or "").split(),
        "scope": " ".join((form.get("scope") or "").split()),
        "grant_types": [
            name for number, name in enumerate(GRANT_TYPES) if form.get(f"grant{number}") is not None
        ],
    }
    return {**{name: value for name, value in before.items() if name != "response_types"}, **members}


def fields_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the form for the metadata of a client."""
    grant_types = metadata.get("grant_types", ())
    return {
        "client_name": metadata.get("client_name", ""),
        "redirect_uris": "\n".join(metadata.get("redirect_uris") or ()),
        "scope": metadata.get("scope", ""),
        "grants": [
            (f"grant{number}", LABELS[name], name in grant_types) for number, name in enumerate(GRANT_TYPES)
        ],
    }


def method_label(client: Client) -> Text:
    """Return in words how a client authenticates."""
    if not client.confidential:
        return Text("Public, without a secret")
    return Text("With a secret") if client.has_secret else Text("With a signed assertion (private_key_jwt)")

"""Client ID Metadata Documents (draft-ietf-oauth-client-id-metadata-document-02): a URL as client_id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auth_service.protocol.errors import InvalidClientError, OAuthError
from auth_service.protocol.reasons import Reason
from auth_service.protocol.registration import AUTH_METHODS, parse_metadata
from auth_service.protocol.registration_policy import RedirectHosts
from auth_service.protocol.web_addresses import WebAddress, parse_web_address

MAX_DOCUMENT_BYTES = 5 * 1_024
"""The size limit of §8.7."""

# §4.1: the client shares no secret with this server. The preferred method comes first.
_METHODS = tuple(method for method in ("private_key_jwt", "none") if method in AUTH_METHODS)
_AUTH_METHOD, _AUTH_METHODS = "token_endpoint_auth_method", "token_endpoint_auth_methods_supported"
_SECRETS = ("client_secret", "client_secret_expires_at")
_URLS = ("client_uri", "logo_uri", "tos_uri", "policy_uri", "jwks_uri", "sector_identifier_uri")


def names_document(client_id: str) -> bool:
    """Check whether a client_id is meant as a URL; no client_id issued here begins like one (§7.1)."""
    return client_id.startswith(("https://", "http://"))


def check_client_id(client_id: str, *, loopback: bool = False) -> WebAddress:
    """Parse a Client Identifier URL (§3).

    Args:
        loopback: whether it may point to this machine, for development.

    Raises:
        InvalidClientError: the client_id is not such a URL.
    """
    try:
        address = parse_web_address(client_id, loopback=loopback)
    except ValueError as error:
        raise InvalidClientError(
            Reason.CLIENT_ID_URL_INVALID, f"the client_id is not a valid client metadata URL: {error}"
        ) from error
    if not address.path:
        raise InvalidClientError(
            Reason.CLIENT_ID_URL_INVALID, "the client_id is not a valid client metadata URL: it needs a path"
        )
    if not address.has_name and not loopback:
        # The consent page identifies the client by a domain name.
        raise InvalidClientError(
            Reason.CLIENT_ID_URL_INVALID,
            "the client_id is not a valid client metadata URL: its host is not a name",
        )
    return address


@dataclass(frozen=True, slots=True)
class DocumentRules:
    """The rules for documents; shared with registrations where they apply to both.

    Attributes:
        grant_types: the grant types that a client may register for itself.
        loopback: whether URLs in a document may point to this machine, for development.
    """

    grant_types: tuple[str, ...]
    redirect_hosts: RedirectHosts = field(default_factory=RedirectHosts)
    loopback: bool = False


def read_document(client_id: str, document: object, rules: DocumentRules) -> dict[str, Any]:
    """Return the metadata in a client's document, in the form used for registrations (§4).

    Args:
        client_id: the URL that the document was fetched from.

    Raises:
        InvalidClientError: the document belongs to another client, or is not valid.
    """
    if not isinstance(document, dict):
        raise refused("it is not a JSON object")
    if document.get("client_id") != client_id:
        raise refused("its client_id is not its URL")
    if any(document.get(name) is not None for name in _SECRETS):
        raise refused("it must not contain a client secret")
    members = {name: value for name, value in document.items() if _is_kept(name, value, rules)}
    members[_AUTH_METHOD] = _auth_method(members)
    try:
        metadata, translations = parse_metadata(members, rules.redirect_hosts.http_networks)
        rules.redirect_hosts.check(metadata.redirect_uris or ())
        return {**metadata.registered(rules.grant_types), **translations}
    except OAuthError as error:
        raise refused(error.description) from error


def _is_kept(name: str, value: object, rules: DocumentRules) -> bool:
    # A software statement that was not presented for registration has not been verified.
    return name != "software_statement" and (name not in _URLS or _may_be_fetched(value, rules))


def _may_be_fetched(url: object, rules: DocumentRules) -> bool:
    # §8.6: URLs outside the public Internet must not be fetched, so they are not even stored.
    try:
        return isinstance(url, str) and bool(parse_web_address(url, loopback=rules.loopback))
    except ValueError:
        return False


def _auth_method(document: Mapping[str, Any]) -> str:
    """Return how the client authenticates: the method it declares, or the best of those it lists.

    A client that lists several (OpenID Connect Relying Party Metadata Choices §2) gets the one it declares if
    this server supports it; a client that names no method has no credentials.
    """
    declared, listed = document.get(_AUTH_METHOD), document.get(_AUTH_METHODS) or []
    if not isinstance(listed, list) or not all(isinstance(method, str) for method in listed):
        raise refused(f"{_AUTH_METHODS} must be a list of names")
    methods = [declared, *listed] if declared else listed
    if any(str(method).startswith("client_secret") for method in methods):
        raise refused("a client with a document cannot authenticate with a shared secret")
    if not methods or declared in _METHODS:
        return str(declared or "none")
    usable = next((method for method in _METHODS if method in listed), None)
    if usable is None:
        raise refused(f"this server supports {' or '.join(_METHODS)} as {_AUTH_METHOD}")
    return usable


def refused(reason: str) -> InvalidClientError:
    """Return the error for a document that is not valid, with `reason`."""
    return InvalidClientError(
        Reason.CLIENT_DOCUMENT_INVALID, f"the client's metadata document is not valid: {reason}"
    )

"""This server as a client of the authorization server of an upstream: metadata and registration.

The metadata is the same in our own client ID metadata document and in a dynamic registration (RFC 7591).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from auth_service.protocol.upstream_metadata import ServerMetadata

CALLBACK_PATH = "/connect/callback"
DOCUMENT_PATH = "/connect/client-metadata"

MAX_CLIENT_ID = 500
MAX_SECRET = 1_000

# The first that the authorization server supports: a secret is worth more than none.
_WITH_SECRET = ("client_secret_basic", "client_secret_post")
_METHODS = (*_WITH_SECRET, "none")


class UnusableRegistrationError(ValueError):
    """A registration response cannot be used; the message names no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamClient:
    """A client at an authorization server.

    Attributes:
        client_secret: None for a public client.
        basic: whether the secret is sent in the header (RFC 6749 §2.3.1); otherwise in the body.
        expires_at: when the secret expires, in seconds since 1970; None if it does not.
    """

    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    basic: bool = True
    expires_at: int | None = None


def client_metadata(issuer: str, name: str, auth_method: str = "none") -> dict[str, Any]:
    """Return our metadata as a client (RFC 7591 §2).

    Args:
        issuer: of this server.
        name: of this installation, on the consent page of the other server.
    """
    return {
        "client_name": name,
        "client_uri": issuer,
        "redirect_uris": [f"{issuer}{CALLBACK_PATH}"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": auth_method,
    }


def client_document(issuer: str, name: str) -> dict[str, Any]:
    """Return our client ID metadata document, whose URL is our client_id (draft -02 §4)."""
    return {"client_id": document_url(issuer), **client_metadata(issuer, name)}


def document_url(issuer: str) -> str:
    """Return the URL of our client ID metadata document."""
    return f"{issuer}{DOCUMENT_PATH}"


def document_client(server: ServerMetadata, issuer: str) -> UpstreamClient | None:
    """Return the client of our metadata document; None if the server does not accept one without a secret.

    All servers have the same redirect URI of ours. Without ``iss`` in its responses, a code of a client that
    has no secret could be led to another server, which could redeem it (RFC 9700 §4.4).
    """
    if (
        not server.sends_iss
        or not server.accepts_documents
        or "none" not in (*server.auth_methods, *_unlisted(server))
    ):
        return None
    return UpstreamClient(client_id=document_url(issuer))


def _unlisted(server: ServerMetadata) -> tuple[str, ...]:
    # The default of RFC 8414 says nothing about clients with a document, which never have a secret.
    return ("none",) if server.auth_methods == ("client_secret_basic",) else ()


def registered_method(server: ServerMetadata) -> str | None:
    """Return how a registered client authenticates; None if the server supports nothing that we do.

    A client without a secret needs ``iss``; see `document_client`.
    """
    methods = _METHODS if server.sends_iss else _WITH_SECRET
    return next((method for method in methods if method in server.auth_methods), None)


def client_of(response: object, requested_method: str, now: int, *, may_be_public: bool) -> UpstreamClient:
    """Return the client of a registration response (RFC 7591 §3.2.1).

    Args:
        requested_method: used if the response does not say how the client authenticates.
        now: in seconds since 1970.
        may_be_public: whether a client without a secret is safe there; see `document_client`.

    Raises:
        UnusableRegistrationError: the response is not usable.
    """
    if not isinstance(response, dict):
        raise UnusableRegistrationError("the registration response is not a JSON object")
    method = response.get("token_endpoint_auth_method", requested_method)
    if method not in _METHODS:
        raise UnusableRegistrationError("the registered client must authenticate in a way we do not support")
    if method == "none" and not may_be_public:
        raise UnusableRegistrationError("the registered client must have a secret")
    client_id = _text(response, "client_id", MAX_CLIENT_ID)
    if method == "none":
        return UpstreamClient(client_id=client_id)
    return UpstreamClient(
        client_id=client_id,
        client_secret=_text(response, "client_secret", MAX_SECRET),
        basic=method == "client_secret_basic",
        expires_at=_expires_at(response.get("client_secret_expires_at"), now),
    )


def _text(response: dict[str, Any], name: str, longest: int) -> str:
    text = response.get(name)
    # RFC 6749 appendix A.1 and A.2: visible ASCII and spaces.
    if (
        not isinstance(text, str)
        or not 0 < len(text) <= longest
        or not (text.isascii() and text.isprintable())
    ):
        raise UnusableRegistrationError(f"the registration response has no usable {name}")
    return text


def _expires_at(value: object, now: int) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool) or value == 0:
        return None  # RFC 7591 §3.2.1: 0 means that it does not expire
    if value <= now:
        raise UnusableRegistrationError("the secret of the registered client has expired already")
    return value

"""Client authentication at the token, introspection and revocation endpoints (RFC 6749 §2.3)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from auth_service.protocol.errors import InvalidClientError, InvalidRequestError
from auth_service.protocol.parameters import Parameters
from auth_service.protocol.reasons import Reason

CREDENTIALS = frozenset({"client_id", "client_secret", "client_assertion", "client_assertion_type"})
"""The parameters of a request's body by which clients identify and authenticate themselves."""

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class PresentedCredentials:
    """Client credentials in a request, not yet verified.

    Attributes:
        client_id: None if only the assertion identifies the client.
        secret: None if the client only identifies itself, or uses an assertion.
        assertion: a JWT that the client signed.
    """

    client_id: str | None
    secret: str | None
    method: Literal["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
    assertion: str | None = None


def present(authorization: list[str], parameters: Parameters) -> PresentedCredentials:
    """Find the one method by which a request authenticates its client.

    Args:
        authorization: the values of every Authorization header.
        parameters: the request's body.

    Raises:
        InvalidRequestError: more than one method is used (RFC 6749 §2.3).
        InvalidClientError: the client does not identify itself, or the credentials are malformed.
    """
    client_id, secret = parameters.get("client_id"), parameters.get("client_secret")
    if len(authorization) > 1:
        raise InvalidRequestError(
            Reason.AUTHORIZATION_HEADER_MALFORMED, "the request has more than one Authorization header"
        )
    assertion = _assertion(parameters)
    # The TypeScript SDK sends its configured Authorization header to every URL, including this one.
    # RFC 6749 §2.3: a scheme other than Basic does not authenticate a client that the body identifies.
    if client_id is not None or assertion is not None:
        authorization = [header for header in authorization if _is_basic(header)]
    if assertion is not None:
        if authorization or secret is not None:
            raise InvalidRequestError(
                Reason.CLIENT_AUTHENTICATION_REPEATED,
                "a client assertion cannot be combined with another authentication method",
            )
        return PresentedCredentials(client_id, None, "private_key_jwt", assertion)
    if not authorization:
        if client_id is None:
            raise InvalidClientError(Reason.CLIENT_ID_MISSING, "client_id is missing")
        return PresentedCredentials(client_id, secret, "client_secret_post" if secret else "none")
    basic_id, basic_secret = parse_basic(authorization[0])
    if secret is not None:
        raise InvalidRequestError(
            Reason.CLIENT_AUTHENTICATION_REPEATED,
            "client_secret and an Authorization header cannot be used together",
        )
    # The MCP Python SDK repeats client_id in the body, which RFC 6749 §3.2.1 allows if it is the same.
    if client_id not in (None, basic_id):
        raise InvalidRequestError(
            Reason.CLIENT_ID_MISMATCH, "client_id differs from the one in the Authorization header"
        )
    return PresentedCredentials(basic_id, basic_secret, "client_secret_basic")


def _assertion(parameters: Parameters) -> str | None:
    kind, assertion = parameters.get("client_assertion_type"), parameters.get("client_assertion")
    if kind is None and assertion is None:
        return None
    if kind != ASSERTION_TYPE or assertion is None:
        raise InvalidRequestError(
            Reason.CLIENT_ASSERTION_TYPE_WRONG,
            f"client_assertion requires client_assertion_type {ASSERTION_TYPE}",
        )
    return assertion


def parse_basic(header: str) -> tuple[str, str]:
    """Decode `Basic` credentials, form-encoded (RFC 6749 §2.3.1) or raw (RFC 7617).

    The two differ only for `%` and `+`. No identifier or secret issued here contains either, and none that an
    operator chooses for a resource server contains a space: a `+` is always meant literally.

    Raises:
        InvalidClientError: the scheme is not Basic, or the credentials cannot be decoded.
    """
    if not _is_basic(header):
        raise InvalidClientError(
            Reason.AUTHORIZATION_HEADER_MALFORMED, "the Authorization header must use the Basic scheme"
        )
    encoded = header.partition(" ")[2]
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
        client_id, separator, secret = text.partition(":")
        client_id, secret = unquote(client_id, errors="strict"), unquote(secret, errors="strict")
    except (binascii.Error, ValueError) as error:
        raise InvalidClientError(
            Reason.AUTHORIZATION_HEADER_MALFORMED, "the Basic credentials cannot be decoded"
        ) from error
    if not separator or not client_id or not secret:
        raise InvalidClientError(
            Reason.AUTHORIZATION_HEADER_MALFORMED, "the Basic credentials lack the client_id or the secret"
        )
    return client_id, secret


def _is_basic(header: str) -> bool:
    return header.partition(" ")[0].lower() == "basic"

"""Bearer tokens on the wire (RFC 6750): read from the one place they may be in, and asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qsl

from shared.scopes import format_scope

# RFC 6750 §2.1: b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
#                credentials = "Bearer" 1*SP b64token
_CREDENTIALS = re.compile(r"(?i:Bearer) +([A-Za-z0-9._~+/-]+=*)\Z")

# RFC 9110 §11.4: auth-scheme = token, and what follows is set off by a space
_SCHEME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?= |\Z)")

# RFC 6750 §3: what error_description and scope may hold needs no escape inside a quoted string
_QUOTABLE = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]*\Z")

MAX_TOKEN_CHARACTERS = 8_192


class MalformedCredentialsError(ValueError):
    """The token was sent in a way RFC 6750 does not allow; the message says what is wrong."""


def bearer_token(authorization: Sequence[str], query: str) -> str | None:
    """Read the access token of a request.

    Args:
        authorization: every ``Authorization`` header of the request.
        query: its query string, without the question mark.

    Returns:
        the token; None where no bearer token was sent, though perhaps credentials of another scheme.

    Raises:
        MalformedCredentialsError: it is sent twice, in the query (RFC 6750 §5.3, MCP forbids it), or garbled.
    """
    if any(name == "access_token" for name, _ in parse_qsl(query, keep_blank_values=True)):
        raise MalformedCredentialsError(
            "The access token belongs in the Authorization header, not in the URL."
        )
    if not authorization:
        return None
    if len(authorization) > 1:
        raise MalformedCredentialsError("There is more than one Authorization header.")
    return _token(authorization[0])


def _token(credentials: str) -> str | None:
    if match := _CREDENTIALS.match(credentials):
        if len(match[1]) > MAX_TOKEN_CHARACTERS:
            raise MalformedCredentialsError("The access token is too long to be one.")
        return match[1]
    scheme = _SCHEME.match(credentials)
    if scheme is None or scheme[0].lower() == "bearer":
        raise MalformedCredentialsError(
            "The Authorization header must read: Bearer, a space, the access token."
        )
    return None


def challenge(
    metadata_url: str, *, scopes: Iterable[str] = (), error: str | None = None, description: str | None = None
) -> str:
    """The value of ``WWW-Authenticate`` (RFC 6750 §3, RFC 9728 §5.1).

    Raises:
        ValueError: a value holds a character that has no place in the header; ours never do.
    """
    attributes = {
        "error": error,
        "error_description": description,
        "resource_metadata": metadata_url,
        "scope": format_scope(scopes) or None,
    }
    pairs = [f"{name}={_quoted(value)}" for name, value in attributes.items() if value is not None]
    return "Bearer " + ", ".join(pairs)


def _quoted(value: str) -> str:
    if not _QUOTABLE.match(value):
        raise ValueError(f"{value!r} cannot be sent in a challenge")
    return f'"{value}"'

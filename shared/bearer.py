"""Access tokens in requests, and the challenges that ask for them (RFC 6750, RFC 9449 §7.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from shared import dpop
from shared.scopes import format_scope

# RFC 6750 §2.1: b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
#                credentials = "Bearer" 1*SP b64token
# RFC 9449 §7.1: credentials = "DPoP" 1*SP token68, which is the same
_CREDENTIALS = re.compile(r"((?i:Bearer|DPoP)) +([A-Za-z0-9._~+/-]+=*)\Z")

# RFC 9110 §11.4: auth-scheme = token, followed by a space
_SCHEME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?= |\Z)")

# RFC 6750 §3: the characters of error_description and scope need no escape inside a quoted string
_QUOTABLE = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]*\Z")

MAX_TOKEN_CHARACTERS = 8_192

_ROUNDS = 3
_PLAIN = re.compile(r"[^a-z0-9]")
_TOKEN_NAMES = frozenset(
    {
        *("accesstoken", "authtoken", "bearer", "bearertoken", "idtoken", "jwt", "refreshtoken", "token"),
        *("authorization", "dpop"),
    }
)
"""Names of parameters that hold a token, letters and digits only."""

# The start of this project's tokens, and of JWTs (RFC 7515 §3.1: a base64url header begins with ``{"``).
_TOKEN = re.compile(r"dw_[a-z]{2}_[A-Za-z0-9_-]{16}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*\.")
_IN_QUERY = "The access token belongs in the Authorization header, not in the URL."

Scheme = Literal["Bearer", "DPoP"]
_SCHEMES: dict[str, Scheme] = {"bearer": "Bearer", "dpop": "DPoP"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access token and its scheme: Bearer, or DPoP with a proof of possession."""

    scheme: Scheme
    token: str


class MalformedCredentialsError(ValueError):
    """The token was sent in a way that RFC 6750 does not allow; the message says what is wrong."""


class TokenInUrlError(MalformedCredentialsError):
    """The token is in the URL (RFC 6750 §5.3; MCP forbids it)."""


def read_credentials(authorization: Sequence[str], query: str) -> Credentials | None:
    """Read the access token of a request.

    Args:
        authorization: every ``Authorization`` header of the request.
        query: its query string, without the question mark.

    Returns:
        the token; None if none was sent, or only credentials of another scheme.

    Raises:
        MalformedCredentialsError: the token was sent twice, in the query (RFC 6750 §5.3, MCP forbids it), or
            malformed.
    """
    if query and _names_token(query):
        raise TokenInUrlError(_IN_QUERY)
    credentials = credentials_in(authorization)
    if credentials and query and any(credentials.token in reading for reading in _readings(query)):
        raise TokenInUrlError(_IN_QUERY)
    return credentials


def credentials_in(authorization: Sequence[str]) -> Credentials | None:
    """Return the access token in the ``Authorization`` headers of a request; None if they contain none.

    Raises:
        MalformedCredentialsError: there is more than one header, or the header is malformed.
    """
    if not authorization:
        return None
    if len(authorization) > 1:
        raise MalformedCredentialsError("There is more than one Authorization header.")
    # RFC 9110 §5.5: trailing white space is not part of a field's value, but not every parser strips it.
    return _credentials(authorization[0].rstrip(" \t"))


def _readings(query: str) -> list[str]:
    """Return `query` unchanged, and decoded as often as a chain of servers might."""
    readings = [query]
    for _ in range(_ROUNDS):
        readings.append(unquote(readings[-1]))
    return readings


def _names_token(query: str) -> bool:
    """Check whether the query has a token parameter, or a value that looks like a token under any name."""
    for reading in _readings(query):
        names = (part.partition("=")[0] for part in re.split("[&;?]", reading))
        if any(_PLAIN.sub("", name.casefold()) in _TOKEN_NAMES for name in names) or _TOKEN.search(reading):
            return True
    return False


def scheme_of(authorization: Sequence[str]) -> Scheme:
    """Return the scheme for the challenge: the one that the request tried, else Bearer."""
    tried = _SCHEME.match(authorization[0]) if len(authorization) == 1 else None
    return _SCHEMES.get(tried[0].lower(), "Bearer") if tried else "Bearer"


def _credentials(text: str) -> Credentials | None:
    if match := _CREDENTIALS.match(text):
        if len(match[2]) > MAX_TOKEN_CHARACTERS:
            raise MalformedCredentialsError("The access token is too long.")
        return Credentials(_SCHEMES[match[1].lower()], match[2])
    scheme = _SCHEME.match(text)
    if scheme is None or scheme[0].lower() in _SCHEMES:
        raise MalformedCredentialsError(
            "The Authorization header must read: Bearer or DPoP, a space, the access token."
        )
    return None


def challenge(
    metadata_url: str,
    *,
    scheme: Scheme = "Bearer",
    scopes: Iterable[str] = (),
    error: str | None = None,
    description: str | None = None,
    acr: str | None = None,
    max_age_s: int | None = None,
) -> str:
    """Return a ``WWW-Authenticate`` value (RFC 6750 §3, RFC 9449 §7.1, RFC 9470 §3, RFC 9728 §5.1).

    Raises:
        ValueError: a value contains a character that the header does not allow; ours never do.
    """
    attributes = {
        "error": error,
        "error_description": description,
        "algs": " ".join(dpop.ALGORITHMS) if scheme == "DPoP" else None,
        "resource_metadata": metadata_url,
        "scope": format_scope(scopes) or None,
        "acr_values": acr,
        "max_age": None if max_age_s is None else str(max_age_s),
    }
    pairs = [f"{name}={_quoted(value)}" for name, value in attributes.items() if value is not None]
    return f"{scheme} {', '.join(pairs)}"


def _quoted(value: str) -> str:
    if not _QUOTABLE.match(value):
        raise ValueError(f"{value!r} cannot be sent in a challenge")
    return f'"{value}"'

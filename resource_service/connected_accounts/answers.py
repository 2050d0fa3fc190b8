"""Answers of the authorization server about connected accounts. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from resource_service.stops.matching import is_same

# RFC 9110 §5.5: characters of a field value; a line break would begin another header.
_FIELD_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_MAX_SECRET = 16_384
_MAX_URL = 2_000
_MAX_NAME = 100


class MalformedAccountError(ValueError):
    """The answer cannot be understood. The message says why, and contains nothing of the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """The current credential of a person for one upstream.

    Attributes:
        secret: the value of the ``Authorization`` header, or an API key.
        is_api_key: whether it is a key; then the settings say in which header it is sent.
        version: changes with each replacement of the credential.
        expires_in: seconds until it expires; None if unknown.
        replaces_refused: whether it replaces one that the upstream refused.
    """

    secret: str = field(repr=False)
    version: str
    expires_in: int | None
    is_api_key: bool = False
    replaces_refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectLink:
    """The link at which the person connects an account.

    Attributes:
        provider: its name.
        url: for this person only; it needs their login.
        elicitation_id: names the link.
        expires_in: seconds.
    """

    provider: str
    url: str = field(repr=False)
    elicitation_id: str = field(repr=False)
    expires_in: int


Account = Credential | ConnectLink


def account_from_wire(document: object, issuer: str) -> Account:
    """Parse an answer.

    Args:
        issuer: the URL of the authorization server, at which links must be.

    Raises:
        MalformedAccountError: it cannot be understood.
    """
    members = document if isinstance(document, dict) else {}
    match members.get("status"):
        case "connected":
            return _credential(members)
        case "not_connected":
            return _link(members, issuer)
        case _:
            raise MalformedAccountError("the status is neither connected nor not_connected")


def check_resource(document: object, resource: str, *, is_joined: bool) -> None:
    """Check that an answer is about the account of `resource`.

    An authorization server of an earlier release names none, and looks only at the resource of the token.

    Args:
        is_joined: whether the token is for a resource that joins this one.

    Raises:
        MalformedAccountError: it is about another resource, or may be.
    """
    members = document if isinstance(document, dict) else {}
    named = members.get("resource")
    if named is None and not is_joined:
        return
    if not isinstance(named, str) or not is_same(named, resource):
        raise MalformedAccountError("the account is of another resource, or the resource is not named")


def _credential(members: dict[str, Any]) -> Credential:
    is_api_key = "api_key" in members
    secret = members.get("api_key" if is_api_key else "authorization")
    if not isinstance(secret, str) or len(secret) > _MAX_SECRET:
        raise MalformedAccountError("the credential is missing or too long")
    if not _FIELD_VALUE.fullmatch(secret):
        raise MalformedAccountError("the credential is not the value of a header")
    expires_in = _seconds(members) if members.get("expires_in") is not None else None
    return Credential(
        secret=secret,
        version=_text(members, "version", _MAX_NAME),
        expires_in=expires_in,
        is_api_key=is_api_key,
    )


def _link(members: dict[str, Any], issuer: str) -> ConnectLink:
    url = _text(members, "connect_url", _MAX_URL)
    if not url.startswith(f"{issuer}/"):
        raise MalformedAccountError("the link is not at the issuer")
    return ConnectLink(
        provider=_text(members, "provider", _MAX_NAME),
        url=url,
        elicitation_id=_text(members, "elicitation_id", _MAX_NAME),
        expires_in=_seconds(members),
    )


def _text(members: dict[str, Any], name: str, max_length: int) -> str:
    text = members.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= max_length or not text.isprintable():
        raise MalformedAccountError(f"{name} is not a short text")
    return text


def _seconds(members: dict[str, Any]) -> int:
    seconds = members.get("expires_in")
    if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < 0:
        raise MalformedAccountError("expires_in is not a number of seconds")
    return seconds

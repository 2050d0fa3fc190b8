"""The `claims` parameter, which requests individual claims (OpenID Connect Core §5.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auth_service.protocol.errors import InvalidRequestError
from auth_service.protocol.reasons import Reason
from shared.json_text import parse_json

PROFILE_CLAIMS = ("name", "preferred_username")
"""The available claims about the person, besides `sub`."""

ACR_PASSWORD = "password"  # noqa: S105 -- a name
"""The context of a login with a password on the login page of this server."""

ACR_FEDERATED = "federated"
"""The context of a login through an identity provider, which alone knows the method. Not requestable."""

ACR_MFA = "mfa"
"""The context of a login with a second factor, or with a passkey that verified the person."""


@dataclass(frozen=True, slots=True)
class ClaimsRequest:
    """The requested claims that are available.

    Attributes:
        id_token: claims about the person to put into the ID token.
        userinfo: claims about the person for userinfo, in addition to those of the scopes.
        subject: the only acceptable `sub`; None for any.
        acr: the only acceptable authentication contexts; empty for any.
    """

    id_token: tuple[str, ...] = ()
    userinfo: tuple[str, ...] = ()
    subject: str | None = None
    acr: tuple[str, ...] = ()


def parse_claims(text: str | None) -> ClaimsRequest:
    """Parse the parameter; unknown claims are ignored (§5.5.1).

    Raises:
        InvalidRequestError: the parameter is not JSON of the right form.
    """
    if text is None:
        return ClaimsRequest()
    try:
        requested = parse_json(text)
    except ValueError as error:
        raise InvalidRequestError(Reason.CLAIMS_INVALID, "claims is not JSON") from error
    id_token, userinfo = _section(requested, "id_token"), _section(requested, "userinfo")
    return ClaimsRequest(
        id_token=tuple(name for name in PROFILE_CLAIMS if name in id_token),
        userinfo=tuple(name for name in PROFILE_CLAIMS if name in userinfo),
        subject=_value(id_token.get("sub")) or _value(userinfo.get("sub")),
        acr=_essential_values(id_token.get("acr")),
    )


def _section(requested: object, name: str) -> Mapping[str, Any]:
    section = requested.get(name, {}) if isinstance(requested, dict) else None
    if not isinstance(section, dict):
        raise InvalidRequestError(Reason.CLAIMS_INVALID, "claims must be an object of objects")
    if not all(member is None or isinstance(member, dict) for member in section.values()):
        raise InvalidRequestError(Reason.CLAIMS_INVALID, "each member of claims must be null or an object")
    return section


def _value(claim_request: Mapping[str, Any] | None) -> str | None:
    value = (claim_request or {}).get("value")
    return value if isinstance(value, str) else None


def _essential_values(claim_request: Mapping[str, Any] | None) -> tuple[str, ...]:
    # §5.5.1.1: only an essential acr with values must be met; a voluntary one is a preference.
    claim_request = claim_request or {}
    if claim_request.get("essential") is not True:
        return ()
    values = claim_request.get("values", [claim_request["value"]] if "value" in claim_request else [])
    return tuple(value for value in values if isinstance(value, str)) if isinstance(values, list) else ()

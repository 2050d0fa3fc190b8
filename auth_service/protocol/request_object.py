"""Request objects: an authorization request as the claims of a signed JWT (RFC 9101, OIDC Core §6)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from auth_service.protocol.errors import InvalidRequestError, InvalidRequestObjectError
from auth_service.protocol.parameters import Parameters, collect
from auth_service.protocol.reasons import Reason
from shared import jwt_claims
from shared.jwt_claims import ClaimError

TYPES = (None, "jwt", "oauth-authz-req+jwt")
LONGEST_S = 3_600
# Claims about the JWT, not the request; then claims that a request object must not contain (RFC 9101 §4).
_NOT_PARAMETERS = frozenset({"iss", "aud", "exp", "iat", "nbf", "jti", "sub"})
_FORBIDDEN = frozenset({"request", "request_uri"})


def check_claims(
    claims: Mapping[str, Any], client_id: str, issuer: str, now: float, *, dated: bool = False
) -> None:
    """Check the sender, audience and time of a verified request object (RFC 9101 §6.3).

    Args:
        now: seconds since 1970.
        dated: whether `exp` and `nbf` are required, as for a client that always signs its requests
            (FAPI 2.0 Message Signing §5.3.1).

    Raises:
        InvalidRequestObjectError: it is from another client, for another server, or not valid now.
    """
    try:
        if claims.get("iss", client_id) != client_id or claims.get("client_id", client_id) != client_id:
            raise ClaimError("it is from another client")
        if "aud" in claims:
            jwt_claims.check_audience(claims, (issuer,))
        if dated:
            _check_dates(claims)
        if "exp" in claims:
            jwt_claims.check_lifetime(claims, now, longest_s=LONGEST_S)
        elif "nbf" in claims and jwt_claims.number(claims, "nbf") > now + jwt_claims.SKEW_S:
            raise ClaimError("it is not valid yet")
    except ClaimError as error:
        raise InvalidRequestObjectError(
            Reason.REQUEST_OBJECT_INVALID, f"the request object is not valid: {error}"
        ) from error


def _check_dates(claims: Mapping[str, Any]) -> None:
    begins, ends = jwt_claims.number(claims, "nbf"), jwt_claims.number(claims, "exp")
    # As `exp` is in the future, this also keeps `nbf` at most an hour in the past.
    if ends > begins + LONGEST_S:
        raise ClaimError("it is valid for more than an hour")


def parameters_in(claims: Mapping[str, Any], client_id: str) -> Parameters:
    """Return the parameters of a verified request object; those outside it are ignored (RFC 9101 §5).

    Raises:
        InvalidRequestObjectError: a claim cannot be a parameter.
    """
    if not _FORBIDDEN.isdisjoint(claims):
        raise InvalidRequestObjectError(
            Reason.REQUEST_OBJECT_INVALID, "a request object cannot contain another one"
        )
    pairs = [
        pair for name, value in claims.items() if name not in _NOT_PARAMETERS for pair in _pairs(name, value)
    ]
    try:
        return collect([*(pair for pair in pairs if pair[0] != "client_id"), ("client_id", client_id)])
    except InvalidRequestError as error:
        raise InvalidRequestObjectError(error.reason, error.description) from error


def _pairs(name: str, value: object) -> list[tuple[str, str]]:
    if isinstance(value, list) and name == "resource":
        return [(name, item) for item in value if isinstance(item, str)]
    if isinstance(value, str):
        return [(name, value)]
    if isinstance(value, bool) or value is None:
        raise InvalidRequestObjectError(
            Reason.REQUEST_OBJECT_INVALID, f"{name} must not be null or a boolean"
        )
    return [(name, json.dumps(value))]

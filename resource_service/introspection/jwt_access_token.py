"""JWT access tokens as the issuer makes them (RFC 9068 §2.2), read as what it would say of them if asked."""

from __future__ import annotations

from shared import jwt_claims
from shared.access_tokens import parse_jti
from shared.introspection import ActiveToken, MalformedAnswerError
from shared.jose import Claims
from shared.jwt_claims import ClaimError

ALGORITHMS = ("RS256", "ES256")

_AS_IT_IS = ("iss", "aud", "exp", "iat", "client_id", "scope", "cnf", "act", "ancestors")


def read_access_token(claims: Claims) -> ActiveToken:
    """What verified `claims` say. The user's name is not among them: it is not the client's to know.

    Raises:
        ClaimError: they are none of an access token, or say something that is not understood here.
    """
    if "nbf" in claims:
        raise ClaimError("nbf is nothing that the issuer says")
    members = {name: claims[name] for name in _AS_IT_IS if name in claims}
    # An id that names no grant could never be found revoked.
    grant_id, _ = parse_jti(jwt_claims.text(claims, "jti"))
    members |= {"active": True, "iat": int(jwt_claims.number(claims, "iat")), "grant_id": grant_id}
    # RFC 9068 §2.2: the subject is the client itself where there is no user.
    subject = jwt_claims.text(claims, "sub")
    if subject != jwt_claims.text(claims, "client_id"):
        members["sub"] = subject
    try:
        token = ActiveToken.from_wire(members)
    except MalformedAnswerError as error:
        raise ClaimError(str(error)) from error
    if token is None:
        raise ClaimError("not active")
    return token

"""Parse the issuer's JWT access tokens (RFC 9068 §2.2) into what introspection would return."""

from __future__ import annotations

from shared import jwt_claims
from shared.access_tokens import parse_jti
from shared.introspection import ActiveToken, MalformedAnswerError
from shared.jose import Claims
from shared.jwt_claims import ClaimError

ALGORITHMS = ("RS256", "ES256")

_AS_IT_IS = ("iss", "aud", "exp", "iat", "client_id", "scope", "cnf", "act", "ancestors", "acr", "auth_time")


def read_access_token(claims: Claims) -> ActiveToken:
    """Return the token of verified `claims`, which omit the user's name: clients must not learn it.

    Raises:
        ClaimError: the claims are not those of an access token, or contain something unknown.
    """
    if "nbf" in claims:
        raise ClaimError("nbf is not a claim of this issuer")
    members = {name: claims[name] for name in _AS_IT_IS if name in claims}
    # A `jti` that names no grant could never be matched to a revocation.
    grant_id, _ = parse_jti(jwt_claims.text(claims, "jti"))
    members |= {"active": True, "iat": int(jwt_claims.number(claims, "iat")), "grant_id": grant_id}
    # RFC 9068 §2.2: without a user, the subject is the client itself.
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

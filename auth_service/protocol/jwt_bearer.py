"""JWTs of trusted issuers, configured by the operator, as grants (RFC 7523 §2.1).

Two profiles: an identity assertion, with which a company's identity provider lets a client act for a user
(ID-JAG, draft-ietf-oauth-identity-assertion-authz-grant), and a workload identity
(draft-ietf-oauth-spiffe-client-auth and similar), with which a job acts for itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from auth_service.protocol.errors import InvalidGrantError
from auth_service.protocol.reasons import Reason
from shared import base64url, jwt_claims
from shared.jwt_claims import ClaimError
from shared.scopes import parse_scope

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ID_JAG_PROFILE = "urn:ietf:params:oauth:grant-profile:id-jag"
ID_JAG_TYPE = "oauth-id-jag+jwt"
WORKLOAD_PREFIX = "workload:"
LONGEST_S = 3_600


@dataclass(frozen=True, slots=True)
class WorkloadRule:
    """The access of a workload whose claims all match.

    Attributes:
        claims: claim name to a glob that its text must match.
    """

    claims: Mapping[str, str]
    scopes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.claims:
            raise ValueError("a workload rule must name claims; without claims it matches every workload")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIssuer:
    """An issuer whose JWTs are accepted.

    Attributes:
        profile: ``id-jag`` for a company's identity provider, ``workload`` for an issuer of job identities.
        jwks: the issuer's keys; None if they are fetched from `jwks_uri`.
        clients: client ids that it may let act for users; empty for all.
        scopes: the maximum it can grant; None for every scope of the resource.
        rules: for workloads; the first match decides.
    """

    issuer: str
    profile: Literal["id-jag", "workload"]
    jwks: Mapping[str, Any] | None = None
    jwks_uri: str | None = None
    clients: frozenset[str] = frozenset()
    scopes: tuple[str, ...] | None = None
    rules: tuple[WorkloadRule, ...] = ()

    def __post_init__(self) -> None:
        if not self.issuer:
            raise ValueError("a trusted issuer must not be empty")
        if (self.jwks is None) == (self.jwks_uri is None):
            raise ValueError("a trusted issuer requires exactly one of jwks and jwks_uri")
        if self.profile == "workload" and not self.rules:
            raise ValueError(
                "an issuer of workload identities requires rules; without rules it admits no workload"
            )


def accepted_types(profile: str) -> tuple[str | None, ...]:
    """Return the `typ` headers of assertions of that profile."""
    return (ID_JAG_TYPE,) if profile == "id-jag" else (None, "jwt", "jwt-svid", "wit+jwt")


def check_assertion(claims: Mapping[str, Any], audiences: Sequence[str], now: float) -> int:
    """Check the claims that RFC 7523 §3 requires of any assertion; return `exp`.

    Raises:
        InvalidGrantError: the assertion is for another server, or not valid now.
    """
    try:
        jwt_claims.text(claims, "sub")
        jwt_claims.check_audience(claims, audiences)
        return jwt_claims.check_lifetime(claims, now, longest_s=LONGEST_S)
    except ClaimError as error:
        raise InvalidGrantError(Reason.ASSERTION_INVALID, f"the assertion is not valid: {error}") from error


def check_id_jag(claims: Mapping[str, Any], trusted: TrustedIssuer, client_id: str) -> str:
    """Check the additional claims of an identity assertion; return its `resource`.

    Raises:
        InvalidGrantError: the assertion is for another client, or names no resource.
    """
    try:
        if jwt_claims.text(claims, "client_id") != client_id:
            raise ClaimError("client_id names another client")
        if trusted.clients and client_id not in trusted.clients:
            raise ClaimError("its issuer is not trusted for this client")
        jwt_claims.text(claims, "jti")
        return jwt_claims.text(claims, "resource")
    except ClaimError as error:
        raise InvalidGrantError(
            Reason.ASSERTION_INVALID, f"the identity assertion is not valid: {error}"
        ) from error


def workload_scopes(claims: Mapping[str, Any], trusted: TrustedIssuer) -> tuple[str, ...]:
    """Return the scopes of the first rule that matches a workload.

    Raises:
        InvalidGrantError: no rule matches.
    """
    for rule in trusted.rules:
        if all(_matches(claims.get(name), pattern) for name, pattern in rule.claims.items()):
            return rule.scopes
    raise InvalidGrantError(Reason.WORKLOAD_NOT_ADMITTED, "no rule of the issuer admits this workload")


def _matches(value: object, pattern: str) -> bool:
    return isinstance(value, str) and fnmatchcase(value, pattern)


def asserted_scopes(claims: Mapping[str, Any], trusted: TrustedIssuer) -> tuple[str, ...] | None:
    """Return the scopes that an identity assertion allows, within its issuer's maximum; None for no limit."""
    claimed = claims.get("scope")
    try:
        scopes = parse_scope(claimed) if isinstance(claimed, str) else None
    except ValueError as error:
        raise InvalidGrantError(
            Reason.ASSERTION_INVALID, "the scope of the assertion is malformed"
        ) from error
    if scopes is None or trusted.scopes is None:
        return scopes if trusted.scopes is None else trusted.scopes
    return tuple(scope for scope in scopes if scope in trusted.scopes)


def subject_of(issuer: str, subject: str) -> str:
    """Derive a `sub` for a foreign subject: always the same, and never equal to one of our users'."""
    digest = hashlib.sha256(f"{len(issuer)}:{issuer}{subject}".encode()).digest()
    return "x_" + base64url.encode(digest[:18])

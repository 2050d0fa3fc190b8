"""ID token and UserInfo claims (OpenID Connect Core §2, §5.1, §5.3.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from auth_service.protocol.claims_request import PROFILE_CLAIMS
from auth_service.protocol.grant import Grant
from auth_service.protocol.resources import GROUPS
from auth_service.protocol.second_factor import acr_of_grant
from auth_service.protocol.subjects import ClientSubject
from shared import base64url

TOKEN_CLAIMS = ("iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "amr", "sid", "nonce", "at_hash")
"""Claims of ID tokens that do not describe the person."""

MAX_GROUPS_IN_ID_TOKEN = 100
"""A longer list of groups is only in UserInfo: ID tokens travel in URLs, as hints for the logout."""

_ALWAYS_IN_AN_ID_TOKEN = ("exp", "iat", "at_hash")


def is_id_token(claims: Mapping[str, Any]) -> bool:
    """Check whether a JWT of this server, with the `typ` of ID tokens, is an ID token.

    A signed UserInfo response names the same user and client but describes no login (OIDC Core §5.3.2).
    Logout tokens have `events` (Back-Channel Logout §2.4), and so do other security events.
    """
    return "events" not in claims and all(name in claims for name in _ALWAYS_IN_AN_ID_TOKEN)


def at_hash(access_token: str) -> str:
    """Return the left half of the SHA-256 of the access token (OIDC Core §3.1.3.6), for RS256 and ES256."""
    return base64url.encode(hashlib.sha256(access_token.encode()).digest()[:16])


def id_token_claims(
    grant: Grant, *, client_subject: ClientSubject, issuer: str, access_token: str, person: Person | None
) -> dict[str, Any]:
    """Return the claims of the ID token in the token response for a code.

    Args:
        client_subject: the user and session identifiers that the client receives.
    """
    claims = {
        "iss": issuer,
        "sub": client_subject.subject,
        "aud": grant.client_id,
        "iat": grant.issued_at,
        "exp": grant.access_expires_at,
        "auth_time": grant.proven_auth_time,
        "acr": acr_of_grant(grant),
        "amr": list(grant.amr) or None,
        "sid": client_subject.session_id,
        "nonce": grant.nonce,
        "at_hash": at_hash(access_token),
        **(person.claims(grant.id_token_claims) if person else {}),
        **_groups(person, grant.scopes, limit=MAX_GROUPS_IN_ID_TOKEN),
    }
    return {name: value for name, value in claims.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Person:
    """The claims available about a user.

    Attributes:
        groups: the groups that access rules see; None if they were not looked up.
    """

    username: str
    name: str | None
    groups: tuple[str, ...] | None = None

    def claims(self, wanted: Collection[str]) -> dict[str, Any]:
        """Return those of the `wanted` claims that have a value."""
        claims = {"preferred_username": self.username, "name": self.name}
        return {claim: value for claim, value in claims.items() if claim in wanted and value}


def userinfo_claims(
    subject: str, person: Person, scopes: tuple[str, ...], requested_claims: tuple[str, ...]
) -> dict[str, Any]:
    """Return the claims about a user that the scopes and requested claims allow (OIDC Core §5.4, §5.5)."""
    wanted = {*requested_claims, *(PROFILE_CLAIMS if "profile" in scopes else ())}
    return {"sub": subject, **person.claims(wanted), **_groups(person, scopes)}


def _groups(
    person: Person | None, scopes: Collection[str], *, limit: int | None = None
) -> dict[str, list[str]]:
    """Return the claim for the scope; a person without groups has an empty list, not none."""
    if person is None or person.groups is None or GROUPS not in scopes:
        return {}
    return {} if limit is not None and len(person.groups) > limit else {"groups": list(person.groups)}

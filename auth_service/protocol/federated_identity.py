"""A person's claims from an identity provider, verified and reduced to what this server uses."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from auth_service.protocol.email_addresses import normalized
from auth_service.protocol.id_token import at_hash
from auth_service.protocol.identity_providers import IdentityProvider
from auth_service.protocol.provider_metadata import ProviderMetadata
from shared import jwt_claims
from shared.jwt_claims import ClaimError

LONGEST_ID_TOKEN_S = 7 * 86_400
MAX_SUBJECT = 255
MAX_GROUPS = 1_000
MAX_NAME = 100

_NOT_IN_A_USERNAME = re.compile(r"[^A-Za-z0-9._+-]+")
_LONGEST_USERNAME = 48
_TRIES = 50


class FederationError(Exception):
    """A login through a provider failed.

    Attributes:
        detail: for the log only.
    """

    def __init__(self, reason: str, *, detail: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class InvalidProviderResponseError(FederationError):
    """The response is not a valid answer of the provider to this login."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FederatedIdentity:
    """A person at a provider.

    Attributes:
        subject: the provider's `sub`; never reused there, and unique only together with the issuer.
        names: candidates for the user name, the best first.
        email: an address that the provider has verified as theirs, in lower case; None for any other.
        domain: the domain that the provider vouches for.
        groups: None if the provider has more groups than it lists.
        other_subjects: other ids by which the allow list may name the person.
        session_id: the provider's `sid`.
        credential: the provider's refresh token, if it issued one.
        id_token: the ID token of the login, if the provider gets it back at the logout.
        auth_time: when the provider authenticated the person, in seconds since 1970; None if it does not say.
    """

    issuer: str
    subject: str
    names: tuple[str, ...] = ()
    name: str | None = None
    email: str | None = None
    domain: str | None = None
    groups: tuple[str, ...] | None = ()
    other_subjects: tuple[str, ...] = ()
    session_id: str | None = None
    auth_time: int | None = None
    credential: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)


def check_response_issuer(iss: str | None, metadata: ProviderMetadata) -> None:
    """Check that the `iss` of an authorization response is the requested provider (RFC 9207 §2.4).

    Raises:
        InvalidProviderResponseError: another provider answered, or `iss` is missing though required.
    """
    if iss is None and metadata.sends_iss:
        raise InvalidProviderResponseError("the response has no iss, although the provider supports it")
    if iss is not None and iss != metadata.issuer:
        raise InvalidProviderResponseError("the response is not from the issuer of the login")


def check_id_token(
    claims: Mapping[str, Any], provider: IdentityProvider, *, nonce: str, access_token: str, now: float
) -> None:
    """Check the claims of an ID token by OpenID Connect Core §3.1.3.7; its signature is checked elsewhere.

    Raises:
        InvalidProviderResponseError: the token is not for this login.
    """
    try:
        if jwt_claims.text(claims, "iss") != provider.issuer:
            raise ClaimError("iss is not the expected issuer")
        _check_audience(claims, provider.client_id)
        jwt_claims.number(claims, "iat")
        jwt_claims.check_lifetime(claims, now, longest_s=LONGEST_ID_TOKEN_S)
        if not hmac.compare_digest(jwt_claims.text(claims, "nonce").encode(), nonce.encode()):
            raise ClaimError("nonce does not match the login")
        if claims.get("at_hash", at_hash(access_token)) != at_hash(access_token):
            raise ClaimError("at_hash does not match the access token")
        if len(jwt_claims.text(claims, "sub")) > MAX_SUBJECT:
            raise ClaimError("sub is too long")
    except ClaimError as error:
        raise InvalidProviderResponseError(f"the ID token is not valid: {error}") from error


def check_renewed_id_token(
    claims: Mapping[str, Any], provider: IdentityProvider, subject: str, now: float
) -> None:
    """Check the claims of an ID token that came with a refresh (OpenID Connect Core §12.2).

    Raises:
        InvalidProviderResponseError: the token is not about that person at this provider.
    """
    try:
        if jwt_claims.text(claims, "iss") != provider.issuer:
            raise ClaimError("iss is not the expected issuer")
        if jwt_claims.text(claims, "sub") != subject:
            raise ClaimError("sub names another person")
        _check_audience(claims, provider.client_id)
        jwt_claims.check_lifetime(claims, now, longest_s=LONGEST_ID_TOKEN_S)
    except ClaimError as error:
        raise InvalidProviderResponseError(f"the renewed ID token is not valid: {error}") from error


def _check_audience(claims: Mapping[str, Any], client_id: str) -> None:
    jwt_claims.check_audience(claims, (client_id,))
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != client_id:
        raise ClaimError("azp names another client")


def merge_userinfo(claims: Mapping[str, Any], userinfo: object) -> dict[str, Any]:
    """Merge the claims of an ID token and UserInfo; the signed ID token takes precedence.

    `email_verified` of UserInfo counts only for the address that UserInfo itself names.

    Raises:
        InvalidProviderResponseError: UserInfo is about another subject (OpenID Connect Core §5.3.2).
    """
    if not isinstance(userinfo, dict) or userinfo.get("sub") != claims["sub"]:
        raise InvalidProviderResponseError("UserInfo is about another subject than the ID token")
    merged = {**userinfo, **claims}
    if "email_verified" not in claims and merged.get("email") != userinfo.get("email"):
        merged.pop("email_verified", None)
    return merged


def lacks_claims(claims: Mapping[str, Any], provider: IdentityProvider) -> bool:
    """Check whether UserInfo may provide more claims that this server uses."""
    wanted = ["email", "name", "preferred_username"]
    if provider.needs_groups and provider.groups_claim and not _has_more_groups(claims, provider):
        wanted.append(provider.groups_claim)
    return any(name not in claims for name in wanted)


def identity_of(claims: Mapping[str, Any], provider: IdentityProvider) -> FederatedIdentity:
    """Map verified claims of `provider` to an identity."""
    email = _proven_email(claims, provider)
    typed = _text(claims, "email")
    candidates = (
        _text(claims, "preferred_username"),
        _text(claims, "nickname"),
        typed,
        _text(claims, "name"),
    )
    name = _text(claims, "name")
    others = (_text(claims, claim) for claim in provider.preset.subject_claims)
    return FederatedIdentity(
        issuer=provider.issuer,
        subject=str(claims["sub"]),
        names=tuple(candidate for candidate in candidates if candidate),
        name=_plain(name)[:MAX_NAME] or None if name else None,
        email=email,
        domain=_domain(claims, provider, email),
        groups=_groups(claims, provider),
        other_subjects=tuple(other for other in others if other),
        session_id=_text(claims, "sid"),
        auth_time=_moment(claims, "auth_time"),
    )


def username_candidates(identity: FederatedIdentity, provider_id: str, tag: str) -> Iterator[str]:
    """Yield names for a new account, the best first; always the same names for the same person.

    Args:
        tag: short text unique to the person, for when all other names are taken.
    """
    cleaned = (_as_username(name) for name in identity.names)
    base = next(filter(None, cleaned), f"{provider_id}-user")
    yield base
    yield from (f"{base}-{number}" for number in range(2, _TRIES))
    yield f"{base}-{tag}"


def _as_username(name: str) -> str:
    return _NOT_IN_A_USERNAME.sub("-", name.partition("@")[0])[:_LONGEST_USERNAME].strip("-._+")


def _proven_email(claims: Mapping[str, Any], provider: IdentityProvider) -> str | None:
    email = normalized(_text(claims, "email") or "")
    # The string "true" is not the boolean that OpenID Connect Core §5.1 defines.
    if email is None or not provider.preset.proves_email or claims.get("email_verified") is not True:
        return None
    domain_claim, public = provider.preset.domain_claim, provider.preset.public_domain
    if domain_claim and not _text(claims, domain_claim) and email.rpartition("@")[2] != public:
        return None
    return email


def _domain(claims: Mapping[str, Any], provider: IdentityProvider, email: str | None) -> str | None:
    named = _text(claims, provider.preset.domain_claim) if provider.preset.domain_claim else None
    if named:
        return named.lower()
    return email.rpartition("@")[2] if email else None


def _groups(claims: Mapping[str, Any], provider: IdentityProvider) -> tuple[str, ...] | None:
    if provider.groups_claim is None:
        return ()
    if _has_more_groups(claims, provider):
        return None
    value = claims.get(provider.groups_claim, ())
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list | tuple):
        return ()
    if len(listed) > MAX_GROUPS:
        return None
    prefix = provider.preset.group_prefix
    return tuple(group.removeprefix(prefix) for group in listed if isinstance(group, str))


def _has_more_groups(claims: Mapping[str, Any], provider: IdentityProvider) -> bool:
    """Check whether the provider omitted groups because there are too many (Entra: more than 200)."""
    elsewhere = claims.get("_claim_names")
    named = isinstance(elsewhere, dict) and provider.groups_claim in elsewhere
    return named or claims.get("hasgroups") in (True, "true")


def _moment(claims: Mapping[str, Any], name: str) -> int | None:
    try:
        return int(jwt_claims.number(claims, name)) if name in claims else None
    except ClaimError:
        return None


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= MAX_SUBJECT else None


def _plain(text: str) -> str:
    return "".join(character for character in text if character.isprintable()).strip()

"""The rules for the credential of a connected account: when it is used, refreshed, and at its end (GW-1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

REFRESH_AHEAD_S = 60
"""Seconds before its expiry at which a credential is refreshed, but never before half of its lifetime."""

SETTLED_S = 60
"""A credential that is newer is not refreshed because an upstream rejects it: another one would not help."""

SHORTEST_S, LONGEST_S = 10, 366 * 86_400
"""Bounds for `expires_in` of a provider: it decides how often the provider is asked."""

MAX_TOKEN = 16_384

MAX_API_KEY = 4_096
"""Characters of an API key."""


class UnusableTokenResponseError(ValueError):
    """A token response of a provider cannot be used; the message is for the log and names no token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamTokens:
    """The tokens of a token response (RFC 6749 §5.1).

    Attributes:
        expires_at: when the access token expires, in seconds since 1970; None if the provider does not say.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_at: int | None = None

    @property
    def token_to_revoke(self) -> str:
        """The token whose revocation should end the others of the same grant, too (RFC 7009 §2.1)."""
        return self.refresh_token or self.access_token


class Use(Enum):
    """The next step with a credential."""

    VALID = "use it"
    DUE = "refresh it, and use it meanwhile"
    EXPIRED = "refresh it before it is used"
    ENDED = "connect the account again"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialFacts:
    """The facts about a credential, without its tokens.

    Attributes:
        replaced_at: when it was connected or refreshed, in seconds since 1970; `expires_at` likewise.
        refreshable: whether there is a refresh token.
    """

    version: str
    replaced_at: int
    expires_at: int | None
    refreshable: bool

    def use(self, now: int, rejected: str | None = None) -> Use:
        """Return what to do with the credential.

        Args:
            rejected: the version of a credential that the upstream rejected.
        """
        over = Use.EXPIRED if self.refreshable else Use.ENDED
        if rejected == self.version and now >= self.replaced_at + SETTLED_S:
            return over
        if self.expires_at is None:
            return Use.VALID
        if now >= self.expires_at:
            return over
        ahead_s = min(REFRESH_AHEAD_S, (self.expires_at - self.replaced_at) // 2)
        return Use.DUE if self.refreshable and now >= self.expires_at - ahead_s else Use.VALID


def tokens_of(members: Mapping[str, object], now: int, earlier: str | None = None) -> UpstreamTokens:
    """Return the tokens of a token response.

    Args:
        earlier: the refresh token that was used, which stays valid if none replaces it (RFC 6749 §6).

    Raises:
        UnusableTokenResponseError: there is no access token that can be sent as a bearer token.
    """
    # Slack calls the tokens of people "user".
    if str(members.get("token_type", "bearer")).lower() not in ("bearer", "user"):
        raise UnusableTokenResponseError("the access token is not a bearer token")
    refresh_token = _token(members, "refresh_token") if members.get("refresh_token") is not None else earlier
    return UpstreamTokens(
        access_token=_token(members, "access_token"),
        refresh_token=refresh_token,
        expires_at=_expires_at(members.get("expires_in"), now),
    )


def is_api_key(text: str) -> bool:
    """Check that a text can be sent as an API key: printable ASCII without spaces, within the bound."""
    return 0 < len(text) <= MAX_API_KEY and _is_field_part(text)


def _token(members: Mapping[str, object], name: str) -> str:
    token = members.get(name)
    if not isinstance(token, str) or not _is_field_part(token):
        raise UnusableTokenResponseError(f"the token response has no usable {name}")
    if not 0 < len(token) <= MAX_TOKEN:
        raise UnusableTokenResponseError(f"the {name} must have 1 to {MAX_TOKEN} characters")
    return token


def _is_field_part(text: str) -> bool:
    # Printable ASCII without spaces: it becomes a part of a header.
    return text.isascii() and text.isprintable() and " " not in text


def _expires_at(expires_in: object, now: int) -> int | None:
    # Some providers send the number as text.
    text = str(expires_in) if isinstance(expires_in, int | str) and not isinstance(expires_in, bool) else ""
    if not (text.isascii() and text.isdigit() and len(text) < 12) or int(text) == 0:
        return None
    return now + min(LONGEST_S, max(SHORTEST_S, int(text)))

"""The client, registered or described by its metadata document, as stored (RFC 7591 §2)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from auth_service.protocol import redirect_uris, subjects
from auth_service.protocol.redirect_uris import RedirectUriType

SECRET_METHODS = ("client_secret_basic", "client_secret_post")
_SHOWN_CHARACTERS = 80
_BLANK_BRAILLE = "\u2800"
_DEFAULT_IGNORABLE = frozenset(
    map(
        chr,
        (
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0),
            *range(0x180B, 0x1810),
            *range(0xFE00, 0xFE10),
            *range(0xE0000, 0xE1000),
        ),
    )
)
# Two combining marks are enough for every language that uses them.
_PILED_MARKS = re.compile("([\u0300-\u036f]{2})[\u0300-\u036f]+")

UNUSED_TTL_S = 86_400
"""Seconds after which a registration that never led to a grant expires."""

DISABLED_KEPT_S = 5 * 365 * 86_400
"""For how long a disabled client is kept, in seconds, unless it is the operator's, which is kept for good."""

USE_NOTED_EVERY_S = 86_400
"""The resolution of a client's last use; recording every use would cost a write for each grant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client.

    Attributes:
        client_id: opaque to everyone.
        created_at: seconds since 1970.
        expires_at: seconds since 1970; extended by every grant; None for never.
        metadata: the registered metadata exactly as it is echoed, without credentials.
        secret_hash: SHA-256 of the client secret; None for a public client.
        previous_secret_hash: SHA-256 of the secret before the last rotation; accepted for a while.
        previous_secret_until: seconds since 1970, when that ends.
        registration_token_hash: SHA-256 of the registration access token (RFC 7592).
        fresh_until: seconds since 1970, when the document at its client_id must be fetched again; None for a
            client that is registered here.
        statement_claims: claims of its software statement, which it cannot change (RFC 7591 §2.3).
        registered_from: the network that registered it, or had its document fetched; None if unknown.
        disabled: whether an administrator has disabled it: it gets no tokens.
        used_at: seconds since 1970, when it was last seen to be granted something; None for never.
        instance: random id assigned when its document was first fetched here; changes after a removal.
    """

    client_id: str
    created_at: int
    metadata: dict[str, Any]
    expires_at: int | None = None
    secret_hash: str | None = None
    registration_token_hash: str | None = None
    fresh_until: int | None = None
    used_at: int | None = None
    instance: str = ""
    statement_claims: dict[str, Any] | None = None
    registered_from: str | None = None
    previous_secret_hash: str | None = None
    previous_secret_until: int = 0
    disabled: bool = False

    @property
    def name(self) -> str:
        """The client's own name for itself, unverified, cleaned up for display."""
        return _visible_name(str(self.metadata.get("client_name", ""))) or "An unnamed client"

    @property
    def domain(self) -> str | None:
        """The domain of its document, authenticated by TLS; None for a registered client."""
        return urlsplit(self.client_id).netloc.lower() if self.fresh_until is not None else None

    @property
    def redirect_uris(self) -> tuple[str, ...]:
        """The registered redirect URIs (RFC 7591 §2)."""
        return tuple(self.metadata.get("redirect_uris", ()))

    @property
    def grant_types(self) -> tuple[str, ...]:
        """The registered grant types (RFC 7591 §2)."""
        return tuple(self.metadata["grant_types"])

    @property
    def auth_method(self) -> str:
        """The `token_endpoint_auth_method`."""
        return str(self.metadata["token_endpoint_auth_method"])

    @property
    def confidential(self) -> bool:
        """Whether the client must authenticate (OAuth 2.1 §2.1)."""
        return self.auth_method != "none"

    @property
    def has_secret(self) -> bool:
        """Whether the client authenticates with a secret issued here."""
        return self.auth_method in SECRET_METHODS

    @property
    def id_token_alg(self) -> str:
        """The `id_token_signed_response_alg` (OpenID Connect Registration §2)."""
        return str(self.metadata.get("id_token_signed_response_alg", "RS256"))

    @property
    def userinfo_alg(self) -> str | None:
        """The `userinfo_signed_response_alg` (OpenID Connect Registration §2)."""
        return self.metadata.get("userinfo_signed_response_alg")

    @property
    def sector(self) -> str | None:
        """The sector whose clients share the user's pairwise subject; None if subjects are public."""
        return subjects.sector_of(self.metadata)

    @property
    def follows_fapi(self) -> bool:
        """Whether the client's registration commits it to the FAPI 2.0 Security Profile."""
        return bool(
            self.auth_method == "private_key_jwt"
            and self.metadata.get("dpop_bound_access_tokens")
            and self.metadata.get("require_pushed_authorization_requests")
        )

    @property
    def is_operators(self) -> bool:
        """Whether the operator created it: only such clients never expire."""
        return self.expires_at is None and self.fresh_until is None

    @property
    def reaches(self) -> frozenset[RedirectUriType]:
        """The types of its redirect URIs."""
        return frozenset(redirect_uris.redirect_uri_type(uri) for uri in self.redirect_uris)

    @property
    def unused(self) -> bool:
        """Whether the client registered itself and has not been granted anything yet."""
        return (
            self.used_at is None
            and not self.disabled
            and self.fresh_until is None
            and self.expires_at is not None
            and self.expires_at <= self.created_at + UNUSED_TTL_S
        )

    def renewed_from(self, newer: Client) -> Client:
        """Return this client as its document now describes it, without expiring earlier than before."""
        expires_at = max(self.expires_at or 0, newer.expires_at or 0)
        return replace(
            newer,
            created_at=self.created_at,
            expires_at=expires_at,
            used_at=self.used_at,
            instance=self.instance,
            registered_from=self.registered_from,
            disabled=self.disabled,
        )

    def with_disabled(self, disabled: bool, now: int) -> Client:
        """Return this client, disabled or enabled `now` (seconds since 1970).

        A client that would expire is kept while it is disabled: otherwise its document would introduce it
        again. Once enabled, it expires like a client that was never granted anything.
        """
        if self.expires_at is None or self.disabled == disabled:
            return replace(self, disabled=disabled)
        expires_at = now + DISABLED_KEPT_S if disabled else max(now + UNUSED_TTL_S, self.fresh_until or 0)
        return replace(self, disabled=disabled, expires_at=expires_at)

    def knows_of_use(self, now: int, expires_at: int) -> bool:
        """Check whether its use was recorded recently, and it does not expire before `expires_at`."""
        noted = self.used_at is not None and now < self.used_at + USE_NOTED_EVERY_S
        return noted and (self.expires_at is None or self.expires_at >= expires_at)

    def used(self, now: int, expires_at: int) -> Client:
        """Return this client, used `now` and kept at least until `expires_at` (both seconds since 1970)."""
        kept = None if self.expires_at is None else max(self.expires_at, expires_at)
        return replace(self, expires_at=kept, used_at=max(self.used_at or 0, now))


def _visible_name(name: str) -> str:
    """Remove invisible characters, which make one name look like another, and stacks of accents."""
    visible = (" " if c.isspace() or c == _BLANK_BRAILLE else c for c in name)
    kept = "".join(c for c in visible if not is_invisible(c))
    return _PILED_MARKS.sub(r"\1", " ".join(kept.split()))[:_SHOWN_CHARACTERS]


def is_invisible(character: str) -> bool:
    """Return whether a character is not rendered, or changes how others are."""
    # Controls, bidirectional overrides, zero-width and private characters; also the letters, marks and
    # variation selectors that Unicode has renderers leave blank (Default_Ignorable_Code_Point).
    return unicodedata.category(character)[0] == "C" or character in _DEFAULT_IGNORABLE

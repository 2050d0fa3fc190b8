"""The client: what is kept of one, registered or introduced by its own document (RFC 7591 §2)."""

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
# Two are enough for every language that is written with them.
_PILED_MARKS = re.compile("([\u0300-\u036f]{2})[\u0300-\u036f]+")

UNUSED_TTL_S = 86_400
"""A registration that never led to a grant is gone after this many seconds."""

USE_NOTED_EVERY_S = 86_400
"""When a client was last used is known this well; noting every use would cost a write for each grant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client.

    Attributes:
        client_id: opaque to everyone.
        created_at: seconds since 1970.
        expires_at: seconds since 1970; moved on by every grant; None for never.
        metadata: the registered metadata exactly as it is echoed, without credentials.
        secret_hash: SHA-256 of the client secret; None for a public client.
        registration_token_hash: SHA-256 of the registration access token (RFC 7592).
        fresh_until: seconds since 1970, when the document at its client_id is to be read again; None for a
            client that is registered here.
        statement_claims: what a software statement says of it, which it cannot change (RFC 7591 §2.3).
        registered_from: the network that registered it, or had its document read; None where not known.
        used_at: seconds since 1970, when it was last seen to be granted something; None for never.
        instance: drawn when its document was first read here; another one after it was removed.
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

    @property
    def name(self) -> str:
        """What the client calls itself, fit to be shown: unverified."""
        return _visible_name(str(self.metadata.get("client_name", ""))) or "An unnamed client"

    @property
    def domain(self) -> str | None:
        """Whose document it was introduced by, which TLS has proved; None for a registered client."""
        return urlsplit(self.client_id).netloc.lower() if self.fresh_until is not None else None

    @property
    def redirect_uris(self) -> tuple[str, ...]:
        """As registered (RFC 7591 §2)."""
        return tuple(self.metadata.get("redirect_uris", ()))

    @property
    def grant_types(self) -> tuple[str, ...]:
        """As registered (RFC 7591 §2)."""
        return tuple(self.metadata["grant_types"])

    @property
    def auth_method(self) -> str:
        """`token_endpoint_auth_method`."""
        return str(self.metadata["token_endpoint_auth_method"])

    @property
    def confidential(self) -> bool:
        """Whether it must authenticate (OAuth 2.1 §2.1)."""
        return self.auth_method != "none"

    @property
    def has_secret(self) -> bool:
        """Whether it authenticates with a secret that was issued here."""
        return self.auth_method in SECRET_METHODS

    @property
    def id_token_alg(self) -> str:
        """`id_token_signed_response_alg` (OpenID Connect Registration §2)."""
        return str(self.metadata.get("id_token_signed_response_alg", "RS256"))

    @property
    def userinfo_alg(self) -> str | None:
        """`userinfo_signed_response_alg` (OpenID Connect Registration §2)."""
        return self.metadata.get("userinfo_signed_response_alg")

    @property
    def sector(self) -> str | None:
        """Whose clients alone know a user by the same subject as this one; None where all do."""
        return subjects.sector_of(self.metadata)

    @property
    def follows_fapi(self) -> bool:
        """Whether it holds itself to the FAPI 2.0 Security Profile, and so is held to it."""
        return bool(
            self.auth_method == "private_key_jwt"
            and self.metadata.get("dpop_bound_access_tokens")
            and self.metadata.get("require_pushed_authorization_requests")
        )

    @property
    def is_operators(self) -> bool:
        """Whether the operator made it: nothing that registers by itself is kept for ever."""
        return self.expires_at is None and self.fresh_until is None

    @property
    def reaches(self) -> frozenset[RedirectUriType]:
        """The kinds of places its redirect URIs lead to."""
        return frozenset(redirect_uris.redirect_uri_type(uri) for uri in self.redirect_uris)

    @property
    def unused(self) -> bool:
        """Whether it registered by itself and nothing came of it yet."""
        return (
            self.used_at is None
            and self.fresh_until is None
            and self.expires_at is not None
            and self.expires_at <= self.created_at + UNUSED_TTL_S
        )

    def renewed_from(self, newer: Client) -> Client:
        """This client as its document now describes it, kept no less long than before."""
        expires_at = max(self.expires_at or 0, newer.expires_at or 0)
        return replace(
            newer,
            created_at=self.created_at,
            expires_at=expires_at,
            used_at=self.used_at,
            instance=self.instance,
            registered_from=self.registered_from,
        )

    def knows_of_use(self, now: int, expires_at: int) -> bool:
        """Whether its use was noted not long ago, and it is kept at least until `expires_at`."""
        noted = self.used_at is not None and now < self.used_at + USE_NOTED_EVERY_S
        return noted and (self.expires_at is None or self.expires_at >= expires_at)

    def used(self, now: int, expires_at: int) -> Client:
        """This client, used `now` and kept at least until `expires_at` (both seconds since 1970)."""
        kept = None if self.expires_at is None else max(self.expires_at, expires_at)
        return replace(self, expires_at=kept, used_at=max(self.used_at or 0, now))


def _visible_name(name: str) -> str:
    """Without what cannot be seen and makes one name look like another, and without piles of accents."""
    visible = (" " if c.isspace() or c == _BLANK_BRAILLE else c for c in name)
    kept = "".join(c for c in visible if not _is_invisible(c))
    return _PILED_MARKS.sub(r"\1", " ".join(kept.split()))[:_SHOWN_CHARACTERS]


def _is_invisible(character: str) -> bool:
    # Controls, bidirectional overrides, zero-width and private characters; then the letters, marks and
    # variation selectors that Unicode has renderers leave blank (Default_Ignorable_Code_Point).
    return unicodedata.category(character)[0] == "C" or character in _DEFAULT_IGNORABLE

"""The OAuth client of the walk: its registration, its requests, its authentication. Pure."""

from __future__ import annotations

import hashlib
import secrets
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from shared import base64url
from shared.cli.doctor import messages
from shared.cli.doctor.documents import Document, credential_member, list_member, text_member
from shared.cli.doctor.evidence import Evidence
from shared.cli.doctor.exchange import Request
from shared.cli.doctor.profiles import Profile

PROFILE_PORT = "49152"
"""Stands in for the port of a client that takes any, where nothing has to listen."""


def registration_body(profile: Profile | None, redirect_uris: list[str]) -> dict[str, Any]:
    """Return the client metadata (RFC 7591 §2) that the client of `profile`, or a typical one, sends."""
    method = profile.auth_method if profile else "none"
    return {
        "client_name": "Doorward doctor",
        "redirect_uris": redirect_uris,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        **({"token_endpoint_auth_method": method} if method else {}),
        **(profile.registers if profile else {}),
    }


@dataclass(frozen=True, slots=True)
class Credentials:
    """The client authentication at the token endpoint.

    Attributes:
        auth_method: as registered; Basic if there is a secret and no method (RFC 7591 §2).
    """

    client_id: str
    client_secret: str | None = None
    auth_method: str = "none"

    @classmethod
    def registered(cls, document: Document) -> Credentials | None:
        """Read the credentials in a registration response; None if it has no client_id."""
        client_id, secret = (credential_member(document, name) for name in ("client_id", "client_secret"))
        if client_id is None:
            return None
        default = "client_secret_basic" if secret else "none"
        return cls(client_id, secret, text_member(document, "token_endpoint_auth_method") or default)

    def request(self, url: str, fields: Mapping[str, str]) -> Request:
        """Return an authenticated request to the token or revocation endpoint (RFC 6749 §2.3)."""
        if self.client_secret and self.auth_method == "client_secret_basic":
            pair = f"{quote(self.client_id, safe='')}:{quote(self.client_secret, safe='')}"
            return messages.form(url, fields, {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"})
        secret = {"client_secret": self.client_secret} if self.client_secret else {}
        return messages.form(url, {**fields, "client_id": self.client_id, **secret})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One authorization request (OAuth 2.1 §4.1.1) with the secrets that only the client knows."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    resource: str | None
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def parameters(self) -> dict[str, str]:
        """Return the parameters of the authorization request."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        # SDKs add prompt=consent with offline_access (OpenID Connect Core §11).
        prompt = {"prompt": "consent"} if "offline_access" in self.scopes else {}
        return {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "state": self.state,
            "code_challenge": base64url.encode(digest),
            "code_challenge_method": "S256",
            **({"scope": " ".join(self.scopes)} if self.scopes else {}),
            **self.target(),
            **prompt,
        }

    def target(self) -> dict[str, str]:
        """Return the `resource` parameter (RFC 8707 §2), the same in every request of a flow."""
        return {"resource": self.resource} if self.resource else {}

    def redemption(self, code: str) -> dict[str, str]:
        """Return the parameters of the token request (OAuth 2.1 §4.1.3)."""
        return {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
            **self.target(),
        }


def scopes_to_ask_for(evidence: Evidence, chosen: str | None) -> tuple[str, ...]:
    """Choose scopes like SDKs: the challenge's, else the resource's, plus offline_access if supported.

    Args:
        chosen: the scopes given on the command line, used instead.
    """
    supported = evidence.server_list("scopes_supported") or []
    if chosen is not None:
        return tuple(chosen.split())
    if evidence.profile is not None and evidence.profile.asks_for_all and supported:
        return tuple(dict.fromkeys(supported))
    challenged = evidence.challenge.parameters.get("scope", "").split() if evidence.challenge else []
    scopes = challenged or list_member(evidence.resource_document, "scopes_supported") or []
    offline = ["offline_access"] if scopes and "offline_access" in supported else []
    return tuple(dict.fromkeys((*scopes, *offline)))


def on_another_port(redirect_uri: str) -> str:
    """Return a loopback redirect URI with another port, as the same app would use at its next start."""
    parts = urlsplit(redirect_uri)
    port = (parts.port or 80) + 1
    return parts._replace(netloc=f"{parts.hostname}:{port if port <= 65_535 else 1024}").geturl()


def spelled_otherwise(resource: str) -> str:
    """Respell `resource` like other clients: in lower case without a trailing slash, or else with one."""
    parts = urlsplit(resource)
    plain = parts._replace(netloc=parts.netloc.lower(), path=parts.path.rstrip("/")).geturl()
    return plain if plain != resource else f"{resource}/"

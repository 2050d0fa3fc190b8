"""The discovery document of an identity provider (OpenID Connect Discovery §3, §4)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from auth_service.protocol.web_addresses import parse_web_address

_REQUIRED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_OPTIONAL = ("userinfo_endpoint", "end_session_endpoint")


class ProviderMetadataError(ValueError):
    """The document is not the issuer's, or lacks members that a login needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderMetadata:
    """The members of the discovery document that a login needs.

    Attributes:
        sends_iss: whether every authorization response carries `iss` (RFC 9207 §3).
        basic: whether the client authenticates with HTTP Basic at the token endpoint; else in the body.
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    sends_iss: bool = False
    basic: bool = True

    def authorization_url(self, parameters: dict[str, str]) -> str:
        """Return the URL of the authorization request."""
        return _with_query(self.authorization_endpoint, parameters)

    def end_session_url(self, parameters: dict[str, str]) -> str | None:
        """Return the URL of the logout request (RP-Initiated Logout §2); None if the provider has none."""
        endpoint = self.end_session_endpoint
        return _with_query(endpoint, parameters) if endpoint else None


def discovery_url(issuer: str) -> str:
    """Return the URL of the document (Discovery §4.1: a slash at the end of the issuer is removed)."""
    return f"{issuer.removesuffix('/')}/.well-known/openid-configuration"


def parse_metadata(document: object, issuer: str, *, loopback: bool = False) -> ProviderMetadata:
    """Parse the document fetched for `issuer`.

    Args:
        loopback: whether endpoints may be on this machine, also over http.

    Raises:
        ProviderMetadataError: the document is not usable.
    """
    if not isinstance(document, dict):
        raise ProviderMetadataError("it is not a JSON object")
    # Discovery §4.3: otherwise a document could name the endpoints of one provider for the issuer of another.
    if document.get("issuer") != issuer:
        raise ProviderMetadataError("its issuer is not exactly the configured one")
    named = (*_REQUIRED, *(name for name in _OPTIONAL if document.get(name)))
    urls = {name: _url(name, document.get(name), loopback=loopback) for name in named}
    methods = document.get("token_endpoint_auth_methods_supported")
    return ProviderMetadata(
        issuer=issuer,
        authorization_endpoint=urls["authorization_endpoint"],
        token_endpoint=urls["token_endpoint"],
        jwks_uri=urls["jwks_uri"],
        userinfo_endpoint=urls.get("userinfo_endpoint"),
        end_session_endpoint=urls.get("end_session_endpoint"),
        sends_iss=document.get("authorization_response_iss_parameter_supported") is True,
        # Discovery §3: HTTP Basic is the default.
        basic=not isinstance(methods, list) or "client_secret_basic" in methods,
    )


def _with_query(url: str, parameters: dict[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"


def _url(name: str, url: object, *, loopback: bool) -> str:
    if not isinstance(url, str):
        raise ProviderMetadataError(f"{name} is missing")
    try:
        parse_web_address(url, loopback=loopback)
    except ValueError as error:
        raise ProviderMetadataError(f"{name}: {error}") from error
    return url

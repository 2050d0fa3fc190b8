"""The metadata by which an MCP server and its authorization server are discovered (RFC 9728, RFC 8414).

MCP 2025-11-25, "Authorization Server Discovery", gives the order of the URLs. Nothing here is fetched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from auth_service.protocol.web_addresses import parse_web_address
from shared.challenges import bearer_challenge
from shared.metadata_urls import (
    resource_metadata_places,
    resource_metadata_root,
)
from shared.scopes import SCOPE_TOKEN
from shared.uris import resource_key, serialize_origin, split_absolute

MAX_URL = 1_000
MAX_SCOPES = 50
MAX_SCOPE = 200
_MAX_LISTED = 100
OFFLINE_ACCESS = "offline_access"


class UpstreamMetadataError(ValueError):
    """A document is not that of the server it was fetched for, or lacks what a client needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamChallenge:
    """The challenge in the response to a request without token (RFC 9728 §5.1).

    Attributes:
        metadata_url: of the protected resource metadata; None if it is not named.
        scopes: what a token needs for the request.
    """

    metadata_url: str | None = None
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceMetadata:
    """The protected resource metadata of an upstream.

    Attributes:
        resource: the value of `resource` in requests (RFC 8707 §2).
        issuers: its authorization servers; at least one.
    """

    resource: str
    issuers: tuple[str, ...]
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMetadata:
    """The metadata of an authorization server that a client needs (RFC 8414 §2).

    Attributes:
        sends_iss: whether every authorization response carries `iss` (RFC 9207 §3).
        accepts_documents: whether a client_id may be the URL of a client's metadata document.
        auth_methods: how clients may authenticate at the token endpoint.
        offline_access: whether refresh tokens have a scope of their own.
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str | None = None
    registration_endpoint: str | None = None
    sends_iss: bool = False
    accepts_documents: bool = False
    auth_methods: tuple[str, ...] = ("client_secret_basic",)
    offline_access: bool = False


def read_challenge(header: str | None) -> UpstreamChallenge:
    """Return what a `WWW-Authenticate` header says; nothing if it is missing or not valid."""
    challenge = bearer_challenge(header)
    if challenge is None:
        return UpstreamChallenge()
    scopes = _scopes(challenge.parameters.get("scope", "").split())
    return UpstreamChallenge(metadata_url=challenge.parameters.get("resource_metadata"), scopes=scopes)


def resource_metadata_urls(url: str, challenge: UpstreamChallenge) -> tuple[str, ...]:
    """Return where the metadata of an MCP server is, in the order of a client (RFC 9728 §3.1, §5)."""
    if challenge.metadata_url is not None:
        return (challenge.metadata_url,)
    return (*resource_metadata_places(url), resource_metadata_root(url))


def parse_resource_metadata(document: object, url: str, *, loopback: bool = False) -> ResourceMetadata:
    """Parse the protected resource metadata of the MCP server at `url`.

    Args:
        loopback: whether URLs of this machine are allowed, also over http; for development.

    Raises:
        UpstreamMetadataError: it is not usable.
    """
    members = _members(document)
    resource = members.get("resource")
    if not isinstance(resource, str) or not _covers(resource, url):
        raise UpstreamMetadataError("its resource is not the MCP server")
    issuers = members.get("authorization_servers")
    if not isinstance(issuers, list) or not issuers:
        raise UpstreamMetadataError("it names no authorization server")
    return ResourceMetadata(
        resource=resource,
        issuers=tuple(_issuer(issuer, loopback=loopback) for issuer in issuers[:_MAX_LISTED]),
        scopes=_scopes(_texts(members.get("scopes_supported"))),
    )


def parse_server_metadata(document: object, issuer: str, *, loopback: bool = False) -> ServerMetadata:
    """Parse the metadata fetched for `issuer`.

    Args:
        loopback: as for `parse_resource_metadata`.

    Raises:
        UpstreamMetadataError: it is that of another issuer, or not usable.
    """
    members = _members(document)
    # RFC 8414 §3.3: otherwise a document could name the endpoints of one server for the issuer of another.
    if members.get("issuer") != issuer:
        raise UpstreamMetadataError("its issuer is not the authorization server it was fetched for")
    # MCP: without it, nothing says that the server supports PKCE, and a client must not proceed.
    if "S256" not in _texts(members.get("code_challenge_methods_supported")):
        raise UpstreamMetadataError("it does not announce PKCE with S256")

    def url(name: str) -> str:
        return _url(name, members.get(name), loopback=loopback)

    def optional(name: str) -> str | None:
        return url(name) if members.get(name) is not None else None

    methods = members.get("token_endpoint_auth_methods_supported")
    return ServerMetadata(
        issuer=issuer,
        authorization_endpoint=url("authorization_endpoint"),
        token_endpoint=url("token_endpoint"),
        revocation_endpoint=optional("revocation_endpoint"),
        registration_endpoint=optional("registration_endpoint"),
        sends_iss=members.get("authorization_response_iss_parameter_supported") is True,
        accepts_documents=members.get("client_id_metadata_document_supported") is True,
        # RFC 8414 §2: the default.
        auth_methods=_texts(methods) if methods is not None else ("client_secret_basic",),
        offline_access=OFFLINE_ACCESS in _texts(members.get("scopes_supported")),
    )


def _covers(resource: str, url: str) -> bool:
    """Check whether `resource` is the MCP server, or the origin or path that it is a part of.

    RFC 9728 §3.3 wants them equal. Many MCP servers name their origin, and the SDKs of MCP accept that.
    """
    try:
        announced, own = split_absolute(resource_key(resource)), split_absolute(resource_key(url))
    except ValueError:
        return False
    if announced.query or announced.fragment or serialize_origin(announced) != serialize_origin(own):
        return False
    return f"{own.path}/".startswith(f"{announced.path}/")


def _members(document: object) -> Mapping[str, object]:
    if not isinstance(document, dict):
        raise UpstreamMetadataError("it is not a JSON object")
    return document


def _issuer(issuer: object, *, loopback: bool) -> str:
    url = _url("an authorization server", issuer, loopback=loopback)
    if "?" in url:
        raise UpstreamMetadataError("the issuer of an authorization server has no query")  # RFC 8414 §2
    return url


def _url(name: str, url: object, *, loopback: bool) -> str:
    if not isinstance(url, str) or len(url) > MAX_URL:
        raise UpstreamMetadataError(f"{name} is missing or longer than {MAX_URL} characters")
    try:
        parse_web_address(url, loopback=loopback)
    except ValueError as error:
        raise UpstreamMetadataError(f"{name}: {error}") from error
    return url


def _texts(items: object) -> tuple[str, ...]:
    texts = items[:_MAX_LISTED] if isinstance(items, list) else []
    return tuple(text for text in texts if isinstance(text, str))


def _scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    usable = (scope for scope in scopes if len(scope) <= MAX_SCOPE and SCOPE_TOKEN.match(scope))
    return tuple(dict.fromkeys(usable))[:MAX_SCOPES]

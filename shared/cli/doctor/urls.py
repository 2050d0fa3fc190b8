"""The URLs at which clients look for metadata, and which URLs may be requested at all. Pure."""

from __future__ import annotations

import ipaddress
from enum import IntEnum
from urllib.parse import SplitResult, urljoin, urlsplit

from shared.uris import LOOPBACK_HOSTS, split_absolute
from shared.well_known import AUTHORIZATION_SERVER, OPENID_CONFIGURATION, PROTECTED_RESOURCE

PRIVATE_SUFFIXES = (".local", ".internal", ".lan", ".home.arpa", ".localdomain")


class RedirectUriType(IntEnum):
    """The network from which a host can be reached, judged by its name."""

    LOOPBACK = 0
    PRIVATE = 1
    PUBLIC = 2


def is_web_url(text: object) -> bool:
    """Check whether `text` is an absolute http or https URL with a host."""
    if not isinstance(text, str):
        return False
    try:
        parts = split_absolute(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc


def origin(url: str) -> str:
    """Return scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def same_origin(one: str, other: str) -> bool:
    """Check whether two URLs have the same scheme, host and port (RFC 6454 §5)."""
    return _origin_parts(one) == _origin_parts(other)


def _origin_parts(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def reach(url: str) -> RedirectUriType:
    """Return from where the host of `url` can be reached, judged by its name, without a DNS lookup."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host in LOOPBACK_HOSTS or host.endswith(".localhost"):
        return RedirectUriType.LOOPBACK
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # A name without a dot resolves only inside a network, such as docker compose or an office.
        return (
            RedirectUriType.PRIVATE
            if "." not in host or host.endswith(PRIVATE_SUFFIXES)
            else RedirectUriType.PUBLIC
        )
    if address.is_loopback or address.is_unspecified:
        return RedirectUriType.LOOPBACK
    return RedirectUriType.PUBLIC if address.is_global else RedirectUriType.PRIVATE


def is_address(host: str) -> bool:
    """Check whether `host` is an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_secure(url: str) -> bool:
    """Check whether requests to `url` cannot be read in transit."""
    return urlsplit(url).scheme == "https" or reach(url) is RedirectUriType.LOOPBACK


def other_spelling(url: str) -> str | None:
    """Remove or add the trailing slash of `url`; None at the root, where both spellings are the same."""
    parts = urlsplit(url)
    if parts.path in ("", "/"):
        return None
    path = parts.path[:-1] if parts.path.endswith("/") else f"{parts.path}/"
    return parts._replace(path=path).geturl()


def resource_metadata_places(mcp_url: str) -> tuple[str, ...]:
    """Return the metadata URLs of `mcp_url` with its path, if it has one (RFC 9728 §3.1).

    SDKs differ in whether they first strip a trailing slash from the path, so such a URL has two.
    """
    parts = urlsplit(mcp_url)
    if parts.path in ("", "/"):
        return ()
    paths = dict.fromkeys((parts.path, parts.path.rstrip("/")))
    return tuple(_inserted(parts, PROTECTED_RESOURCE, path, parts.query) for path in paths if path)


def resource_metadata_root(mcp_url: str) -> str:
    """Return the metadata URL at the root, where clients look if the one with the path does not exist."""
    return f"{origin(mcp_url)}{PROTECTED_RESOURCE}"


def server_metadata_places(issuer: str) -> tuple[str, ...]:
    """Return the metadata URLs of `issuer` in the order of clients (RFC 8414 §3.1, §5; MCP 2025-11-25)."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    places = [_inserted(parts, AUTHORIZATION_SERVER, path), _inserted(parts, OPENID_CONFIGURATION, path)]
    if path:
        places.append(f"{origin(issuer)}{path}{OPENID_CONFIGURATION}")
    return tuple(places)


def _inserted(parts: SplitResult, well_known: str, path: str, query: str = "") -> str:
    return parts._replace(path=f"{well_known}{path}", query=query, fragment="").geturl()


def redirect_target(url: str, location: str | None) -> str | None:
    """Return the target of a redirect of `url`; None if `location` is not a web URL."""
    try:
        target = urljoin(url, location or "")
    except ValueError:
        return None
    return target if location and is_web_url(target) else None

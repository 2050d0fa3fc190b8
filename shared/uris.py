"""URIs as opaque strings, which are compared but never rewritten (RFC 3986 §6.2.1, RFC 8707 §2)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

_PRINTABLE = re.compile("[\x21-\x7e]*")
DEFAULT_PORTS = {"http": 80, "https": 443}
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
Network = IPv4Network | IPv6Network

# RFC 1918, RFC 4193. Not the shared space of RFC 6598, nor link-local, where clouds serve secrets.
PRIVATE_NETWORKS: tuple[Network, ...] = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv6Network("fc00::/7"),
)


def split_absolute(uri: str) -> SplitResult:
    """Split an absolute URI.

    Raises:
        ValueError: `uri` is relative, has a bad port, or has white space, control or non-ASCII characters.
    """
    if not _PRINTABLE.fullmatch(uri):
        raise ValueError("a URI must contain only printable ASCII characters")
    parts = urlsplit(uri)
    _ = parts.port
    if not parts.scheme:
        raise ValueError("a URI must have a scheme")
    return parts


def is_loopback(parts: SplitResult) -> bool:
    """Check whether the host always refers to this machine (RFC 8252 §7.3, §8.3)."""
    return parts.hostname in LOOPBACK_HOSTS


def serialize_origin(parts: SplitResult) -> str:
    """Serialize the origin of a URL as in ``Origin`` (RFC 6454 §6.2): lower case, no default port."""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = unusual_port(parts)
    return f"{parts.scheme}://{host}" + ("" if port is None else f":{port}")


def unusual_port(parts: SplitResult) -> int | None:
    """Return the port of a URL; None if it is the default of its scheme."""
    return None if parts.port == DEFAULT_PORTS.get(parts.scheme) else parts.port


@lru_cache(maxsize=1_024)
def resource_key(resource: str) -> str:
    """Return a key that is equal for all accepted spellings of a resource.

    Clients differ in the case of scheme and host, and in one trailing slash; nothing else is ignored.
    """
    parts = split_absolute(resource)
    path = parts.path.removesuffix("/")
    return parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower(), path=path).geturl()


def is_in(parts: SplitResult, networks: Iterable[Network]) -> bool:
    """Check whether the host is an IP address in one of `networks`. A name is not: it may resolve to any."""
    try:
        address = ip_address(parts.hostname or "")
    except ValueError:
        return False
    return any(address in network for network in networks)


def check_public_url(url: str, *, private_http: bool = False) -> SplitResult:
    """Check a public base URL: an issuer (RFC 8414 §2) or a resource (RFC 8707 §2).

    Args:
        private_http: whether plain http is allowed on private addresses, too.

    Raises:
        ValueError: `url` is not https (or http on loopback), or has userinfo, query, fragment, dot segments.
    """
    parts = split_absolute(url)
    if not parts.hostname:
        raise ValueError("the URL must have a host")
    if parts.scheme != "https" and not (
        parts.scheme == "http" and (is_loopback(parts) or (private_http and is_in(parts, PRIVATE_NETWORKS)))
    ):
        raise ValueError("the URL must be https; plain http is allowed only for localhost")
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise ValueError("the URL must not contain user information, a query or a fragment")
    if any(segment in (".", "..") for segment in parts.path.split("/")):
        raise ValueError("the URL must not contain dot segments")
    return parts

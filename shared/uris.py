"""URIs as opaque strings: compared, never rewritten (RFC 3986 §6.2.1, RFC 8707 §2)."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
Network = IPv4Network | IPv6Network

# RFC 1918, RFC 4193. Not what providers share (RFC 6598), nor link-local: clouds keep secrets there.
PRIVATE_NETWORKS: tuple[Network, ...] = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv6Network("fc00::/7"),
)


def split_absolute(uri: str) -> SplitResult:
    """Split an absolute URI.

    Raises:
        ValueError: it is relative, or holds white space, a control or a non-ASCII character, or a bad port.
    """
    if any(not "\x21" <= character <= "\x7e" for character in uri):
        raise ValueError("a URI holds printable ASCII characters only")
    parts = urlsplit(uri)
    _ = parts.port
    if not parts.scheme:
        raise ValueError("a URI needs a scheme")
    return parts


def is_loopback(parts: SplitResult) -> bool:
    """Whether the host is one that only ever means this machine (RFC 8252 §7.3, §8.3)."""
    return parts.hostname in LOOPBACK_HOSTS


def serialize_origin(parts: SplitResult) -> str:
    """The origin of a URL as browsers write it in ``Origin`` (RFC 6454 §6.2): lower case, no default port."""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = unusual_port(parts)
    return f"{parts.scheme}://{host}" + ("" if port is None else f":{port}")


def unusual_port(parts: SplitResult) -> int | None:
    """The port of a URL; None where it is the default of its scheme."""
    return None if parts.port == DEFAULT_PORTS.get(parts.scheme) else parts.port


def resource_key(resource: str) -> str:
    """The form under which two spellings of a resource are the same one.

    Clients differ in the case of scheme and host and in one trailing slash; nothing else is forgiven.
    """
    parts = split_absolute(resource)
    path = parts.path.removesuffix("/")
    return parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower(), path=path).geturl()


def is_in(parts: SplitResult, networks: Iterable[Network]) -> bool:
    """Whether the host of a URI is an address in one of `networks`; a name is not: it may lead anywhere."""
    try:
        address = ip_address(parts.hostname or "")
    except ValueError:
        return False
    return any(address in network for network in networks)


def check_public_url(url: str, *, private_http: bool = False) -> SplitResult:
    """Check a public base URL: an issuer (RFC 8414 §2) or a resource (RFC 8707 §2).

    Args:
        private_http: whether plain http will do on the address of a private network, too.

    Raises:
        ValueError: not https (http on loopback aside), or with userinfo, query, fragment or dot segments.
    """
    parts = split_absolute(url)
    if not parts.hostname:
        raise ValueError("the URL needs a host")
    if parts.scheme != "https" and not (
        parts.scheme == "http" and (is_loopback(parts) or (private_http and is_in(parts, PRIVATE_NETWORKS)))
    ):
        raise ValueError("the URL must be https; plain http is for localhost only")
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise ValueError("the URL must not carry user information, a query or a fragment")
    if any(segment in (".", "..") for segment in parts.path.split("/")):
        raise ValueError("the URL must not hold dot segments")
    return parts

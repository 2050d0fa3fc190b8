"""Which URLs may be requested at all, and from where a host can be reached. Pure."""

from __future__ import annotations

import ipaddress
from enum import IntEnum
from urllib.parse import urljoin, urlsplit

from shared.uris import LOOPBACK_HOSTS, split_absolute

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


def redirect_target(url: str, location: str | None) -> str | None:
    """Return the target of a redirect of `url`; None if `location` is not a web URL."""
    try:
        target = urljoin(url, location or "")
    except ValueError:
        return None
    return target if location and is_web_url(target) else None

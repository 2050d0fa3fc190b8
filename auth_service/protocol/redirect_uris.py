"""Redirect URIs: what may be registered, and what matches (RFC 9700 §2.1, RFC 8252 §7)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache

from auth_service.protocol.unsafe_schemes import is_unsafe
from auth_service.protocol.web_addresses import check_uri, split_web_url
from shared.uris import PRIVATE_NETWORKS, Network, is_in, is_loopback, split_absolute

MAX_LENGTH = 2_000
# RFC 8252 §7.3: any port on the loopback interface. The look-ahead rejects "localhost:80@host".
_LOOPBACK = re.compile(
    r"http://(?P<host>127\.0\.0\.1|\[::1\]|localhost)(?::(?P<port>[0-9]{1,5}))?(?P<rest>(?=[/?]|\Z).*)\Z"
)


_UNCLEAR = "a URL that browsers and servers read differently"


class RedirectUriType(Enum):
    """Who can receive data sent to a redirect URI."""

    WEB = "https, one host"
    LOOPBACK = "any program on the user's machine"
    PRIVATE_NETWORK = "plain http on a private network, where others can read it"
    PRIVATE_SCHEME = "any app that claims the scheme"


@lru_cache(maxsize=1_024)
def redirect_uri_type(redirect_uri: str) -> RedirectUriType:
    """Classify a registrable redirect URI."""
    parts = split_absolute(redirect_uri)
    if parts.scheme in ("http", "https"):
        if is_loopback(parts):
            return RedirectUriType.LOOPBACK
        return RedirectUriType.WEB if parts.scheme == "https" else RedirectUriType.PRIVATE_NETWORK
    return RedirectUriType.PRIVATE_SCHEME


def destination_of(redirect_uri: str) -> str:
    """Return the destination as a person would recognize it: a host, or the scheme of an app."""
    scheme = split_absolute(redirect_uri).scheme
    if scheme not in ("http", "https"):
        return f"{scheme}:"
    try:
        return split_web_url(redirect_uri).authority
    except ValueError:
        return _UNCLEAR  # registered under older rules


def check_registrable(redirect_uri: str, http_networks: Iterable[Network] = ()) -> None:
    """Reject a redirect URI to which it is never safe to send a code.

    Args:
        http_networks: private networks on whose addresses the operator allows plain http.

    Raises:
        ValueError: with a sentence for the person who registers the client.
    """
    if len(redirect_uri) > MAX_LENGTH:
        raise ValueError(f"a redirect URI must have at most {MAX_LENGTH} characters")
    if "#" in redirect_uri:
        raise ValueError("a redirect URI must not have a fragment")  # RFC 6749 §3.1.2
    check_uri(redirect_uri)
    parts = split_absolute(redirect_uri)
    if is_unsafe(parts.scheme):
        raise ValueError(f"the scheme {parts.scheme} cannot receive a code")
    if parts.scheme == "http" and not is_loopback(parts) and not is_in(parts, http_networks):
        raise ValueError("plain http is allowed only for localhost, 127.0.0.1 and [::1]")


@lru_cache(maxsize=1_024)
def is_usable(redirect_uri: str) -> bool:
    """Check whether a registered URI is still allowed: older rules may have been different."""
    try:
        check_registrable(redirect_uri, PRIVATE_NETWORKS)
    except ValueError:
        return False
    return True


def is_complete(redirect_uri: str) -> bool:
    """Check whether a registered URI is usable as it is; a loopback URI without a port matches any port."""
    if not is_usable(redirect_uri):
        return False
    parts = split_absolute(redirect_uri)
    return not is_loopback(parts) or parts.port is not None


def matches(requested: str, registered: Iterable[str]) -> bool:
    """Check whether `requested` equals one of `registered`, except for the port of a loopback URI."""
    uris = tuple(registered)
    if requested in uris:
        return True
    loopback = _loopback_but_for_port(requested)
    return loopback is not None and any(loopback == _loopback_but_for_port(uri) for uri in uris)


def _loopback_but_for_port(uri: str) -> tuple[str, str] | None:
    match = _LOOPBACK.match(uri)
    if match is None or int(match["port"] or 0) > 65_535:
        return None
    # RFC 8252 §8.3: localhost may resolve elsewhere, so it never equals 127.0.0.1.
    return match["host"], match["rest"]

"""URLs from clients and other strangers: accepts only those that browsers and servers parse alike.

RFC 3986 and the browsers' URL standard (WHATWG) differ about backslashes, tabs, empty ports, encoded dots,
and numbers as hosts. So a URL can name one host to a server and another to a browser (RFC 3986 §7.6). URLs
that are parsed differently are rejected. The URL standard leaves the others unchanged, except for the case of
scheme and host, the default port, and an empty path. Only URLs that this server fetches must have a public
host, and the addresses of a name are checked only when connecting.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from auth_service.protocol.special_addresses import Address, special_use
from shared.uris import DEFAULT_PORTS

MAX_LENGTH = 2_000
MAX_HOST_LENGTH = 253
# Lower ports belong to services that could misinterpret a request.
FIRST_UNPRIVILEGED_PORT = 1_024

# RFC 3986 §3, without user information and without an empty or padded port.
_PCHAR = r"[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2}"
# Brackets and bars are not URI characters, but common in queries and parsed alike. Apostrophes are URI
# characters, but browsers encode them in queries.
_QUERY = r"(?:[A-Za-z0-9._~!$&()*+,;=:@/?\[\]|-]|%[0-9A-Fa-f]{2})*"
_PORT = r"(?::(?P<port>[1-9][0-9]{0,4}))?"
_REST = rf"(?P<query>\?{_QUERY})?(?P<fragment>\#(?:{_PCHAR}|[/?])*)?"
_IPV6 = r"\[[0-9A-Fa-f:.]+\]"
_WEB_URL = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_IPV6}|[A-Za-z0-9._-]+){_PORT}(?P<path>/(?:{_PCHAR}|/)*)?{_REST}",
    re.ASCII | re.IGNORECASE,
)
_OTHER_URI = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):"
    rf"(?://(?:(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{{2}})+{_PORT})?(?=[/?\#]|\Z)|(?!//))"
    rf"(?P<path>(?:{_PCHAR}|/)*){_REST}",
    re.ASCII,
)
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# Resolvers treat a name that ends in a number as an address: 2130706433, 0x7f.1, 127.1, 0177.0.0.1.
_ENDS_IN_A_NUMBER = re.compile(r"(?:.*\.)?(?:\d+|0[xX][0-9A-Fa-f]*)")
_DOT_SEGMENTS = frozenset({".", ".."})


@dataclass(frozen=True, slots=True, kw_only=True)
class WebAddress:
    """The parts of a URL.

    Attributes:
        host: a name in lower case, or an address without brackets.
        target: path and query, as they are sent (RFC 9112 §3.2.1).
    """

    scheme: str
    host: str
    port: int
    path: str
    target: str

    @property
    def authority(self) -> str:
        """The host, and the port unless it is the default: the value of a Host header (RFC 9112 §3.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def has_name(self) -> bool:
        """Whether the host is a name and not an address."""
        return _literal(self.host) is None


def split_web_url(url: str) -> WebAddress:
    """Parse an http or https URL with any destination, for display or as a link.

    Raises:
        ValueError: with a sentence that says what is wrong with the URL.
    """
    match = _WEB_URL.fullmatch(url) if len(url) <= MAX_LENGTH else None
    if match is None:
        raise ValueError("it must be a plain http or https URL, without user information")
    scheme = match["scheme"].lower()
    host, port = _checked_host(match["host"]), _checked_number(match["port"], DEFAULT_PORTS[scheme])
    path = match["path"] or ""
    _check_path(path)
    return WebAddress(
        scheme=scheme, host=host, port=port, path=path, target=(path or "/") + (match["query"] or "")
    )


def check_uri(uri: str) -> None:
    """Check the spelling of a URI of any scheme.

    Raises:
        ValueError: with a sentence that says what is wrong with the URI.
    """
    if re.match(r"https?:", uri, re.IGNORECASE):
        split_web_url(uri)
        return
    match = _OTHER_URI.fullmatch(uri) if len(uri) <= MAX_LENGTH else None
    if match is None:
        raise ValueError("it must be a plain URI, without user information or characters that need encoding")
    _checked_number(match["port"], 0)
    _check_path(match["path"])


def parse_web_address(url: str, *, loopback: bool = False) -> WebAddress:
    """Parse a URL that this server may be asked to fetch.

    Args:
        loopback: whether URLs of this machine are allowed, also over http; for development.

    Raises:
        ValueError: with a sentence that says what is wrong with the URL.
    """
    if "#" in url or not url.startswith(("https://", "http://")):
        raise ValueError("it must be a plain https URL, without user information or a fragment")
    address = split_web_url(url)
    if "_" in address.host:
        raise ValueError("the host is not a public host name")  # RFC 952: no underscores
    _check_port(address.port)
    _check_public(address.scheme, address.host, loopback=loopback)
    return address


def _check_path(path: str) -> None:
    # The URL standard treats an encoded dot as a dot.
    if not _DOT_SEGMENTS.isdisjoint(path.lower().replace("%2e", ".").split("/")):
        raise ValueError("it must not have dot segments")


def _checked_number(port: str | None, default: int) -> int:
    if int(port or 0) > 65_535:
        raise ValueError("the port is not a valid number")
    return int(port or default)


def _checked_host(text: str) -> str:
    if text.startswith("["):
        try:
            return IPv6Address(text[1:-1]).compressed
        except AddressValueError as error:
            raise ValueError("the host is not a valid IP address") from error
    if _ENDS_IN_A_NUMBER.fullmatch(text):
        try:
            return IPv4Address(text).compressed
        except AddressValueError as error:
            raise ValueError("the host is a number that is not an address in its usual form") from error
    if len(text) > MAX_HOST_LENGTH or not _NAME.fullmatch(text):
        raise ValueError("the host is not a valid name")
    encoded = (label[4:] for label in text.split(".") if label[:4].lower() == "xn--")
    if not all(map(_is_internationalized, encoded)):
        raise ValueError("the host is not a valid name")
    return text.lower()


def _is_internationalized(label: str) -> bool:
    """Check whether the rest of an `xn--` label is a normalized label (UTS #46 §4.1)."""
    try:
        text = label.encode().decode("punycode")
        encoded = text.encode("punycode").decode()
    except UnicodeError:
        return False
    return (
        not text.isascii()
        and all(unicodedata.category(character)[0] not in "CZ" for character in text)
        and unicodedata.category(text[0])[0] != "M"
        and encoded == label.lower()
        and unicodedata.normalize("NFKC", text) == text == text.lower()
    )


def _check_port(port: int) -> None:
    if port not in DEFAULT_PORTS.values() and port < FIRST_UNPRIVILEGED_PORT:
        raise ValueError("the port is not a usual port of the web")


def _check_public(scheme: str, host: str, *, loopback: bool) -> None:
    address = _literal(host)
    this_machine = host == "localhost" or (address is not None and address.is_loopback)
    if loopback and this_machine:
        return
    if scheme != "https":
        raise ValueError("it must be https")
    if this_machine or (address is not None and special_use(address)):
        raise ValueError("the host is not on the public Internet")


def _literal(host: str) -> Address | None:
    try:
        return IPv6Address(host) if ":" in host else IPv4Address(host)
    except AddressValueError:
        return None

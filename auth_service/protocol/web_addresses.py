"""URLs of others that the server may itself send a request to: one spelling, one meaning, a public host.

What is refused here is what two programs could read differently (RFC 3986 §7.6), and hosts that are plainly
not public. Which addresses a name stands for is only known, and only checked, when it is connected to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from auth_service.protocol.special_addresses import Address, special_use

MAX_LENGTH = 2_000
MAX_HOST_LENGTH = 253
DEFAULT_PORTS = {"http": 80, "https": 443}
# Below are the ports of services that would take a request for something else.
FIRST_UNPRIVILEGED_PORT = 1_024

# RFC 3986 §3, without what has no place here: user information, a fragment, an empty or padded port, another
# spelling of the scheme.
_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)"
    r"(?::(?P<port>[1-9]\d{0,4}))?"
    r"(?P<path>/[\x21\x22\x24-\x3e\x40-\x5b\x5d-\x7e]*)?"
    r"(?P<query>\?[\x21\x22\x24-\x5b\x5d-\x7e]*)?",
    re.ASCII,
)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# Resolvers take a name that ends in a number for an address: 2130706433, 0x7f.1, 127.1, 0177.0.0.1.
_ENDS_IN_A_NUMBER = re.compile(r"(?:.*\.)?(?:\d+|0[xX][0-9A-Fa-f]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebAddress:
    """A URL taken apart.

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
        """Host, and port where it is not the usual one: what a Host header says (RFC 9112 §3.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def has_name(self) -> bool:
        """Whether the host is a name, not an address."""
        return _literal(self.host) is None


def parse_web_address(url: str, *, loopback: bool = False) -> WebAddress:
    """Take a URL apart that this server may be asked to fetch.

    Args:
        loopback: whether this machine may be named, and http be used for it: for development.

    Raises:
        ValueError: with a sentence that says what is wrong with it.
    """
    match = _URL.fullmatch(url) if len(url) <= MAX_LENGTH else None
    if match is None:
        raise ValueError("it must be a plain https URL, without user information or a fragment")
    host = _checked_host(match["host"])
    port = _checked_port(int(match["port"] or DEFAULT_PORTS[match["scheme"]]))
    _check_public(match["scheme"], host, loopback=loopback)
    path = match["path"] or ""
    return WebAddress(
        scheme=match["scheme"], host=host, port=port, path=path, target=(path or "/") + (match["query"] or "")
    )


def _checked_host(text: str) -> str:
    if text.startswith("["):
        try:
            return IPv6Address(text[1:-1]).compressed
        except AddressValueError as error:
            raise ValueError("the host is not an address") from error
    if _ENDS_IN_A_NUMBER.fullmatch(text):
        try:
            return IPv4Address(text).compressed
        except AddressValueError as error:
            raise ValueError("the host is a number that is not an address in its usual form") from error
    if len(text) > MAX_HOST_LENGTH or not _NAME.fullmatch(text):
        raise ValueError("the host is not a name")
    return text.lower()


def _checked_port(port: int) -> int:
    if port not in DEFAULT_PORTS.values() and not FIRST_UNPRIVILEGED_PORT <= port <= 65_535:
        raise ValueError("the port is not one that the web uses")
    return port


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

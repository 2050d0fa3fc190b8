"""The cookie names of one installation: browsers share cookies between the ports of a host."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from shared.uris import split_absolute, unusual_port


@dataclass(frozen=True, slots=True)
class CookieNames:
    """The cookie names of an issuer.

    Two installations on one host, at http://localhost:9000 and :9100 or at https://host/a and /b, receive
    each other's cookies (RFC 6265 §8.5). With the same names, a login at one would be a logout at the other.
    """

    browser: str
    session: str
    known_browser: str

    @classmethod
    def of(cls, issuer: str) -> CookieNames:
        """Return the names for `issuer`, different for any two issuers on one host."""
        # The `__Host-` prefix binds a cookie to this exact host (RFC 6265bis §4.1.3.2); it needs https.
        prefix = "__Host-" if issuer.startswith("https://") else ""
        suffix = _suffix(issuer)
        return cls(*(f"{prefix}doorward-{name}{suffix}" for name in ("browser", "session", "device")))


def _suffix(issuer: str) -> str:
    parts = split_absolute(issuer)
    port = unusual_port(parts)
    # RFC 6265 §4.1.1: a name contains no slash. A slash becomes a dot, and a dot %2E.
    segments = (quote(s, safe="%").replace(".", "%2E") for s in parts.path.strip("/").split("/") if s)
    return ("" if port is None else f"-{port}") + "".join(f".{segment}" for segment in segments)

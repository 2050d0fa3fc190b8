"""Where the server of a URL listens, and what is requested of it."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx2

from shared.http1.client import Server
from shared.uris import DEFAULT_PORTS


def server_of(url: str, *, trust_env: bool = False) -> Server:
    """Return the server of an ``http`` or ``https`` URL.

    Args:
        trust_env: whether certificates that the environment names (``SSL_CERT_FILE``) are trusted.
    """
    parts = urlsplit(url)
    tls = httpx2.create_ssl_context(trust_env=trust_env) if parts.scheme == "https" else None
    return Server(parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme], tls)


def target_of(url: str) -> bytes:
    """Return the path and query of a URL, as the target of a request (RFC 9112 §3.2.1)."""
    parts = urlsplit(url)
    return f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}".encode("ascii")

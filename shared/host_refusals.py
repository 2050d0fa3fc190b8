"""Recognize responses by which a server refuses the host name of a request. Pure."""

from __future__ import annotations

import re

MAX_REFUSAL_BYTES = 2_048
"""The maximum size of a response that refuses a host: a line or a short page."""

# MCP SDKs, Starlette, Django, Rails, Vite, webpack, ASP.NET: each words it differently.
_REFUSES_HOST = re.compile(
    rb"(?:invalid|missing|disallowed|untrusted|unknown|blocked|misdirected)[ _-](?:http_)?(?:request )?host"
    rb"|host(?:name)?(?: header)?[^.\n]{0,80}(?:not allowed|not permitted|invalid|blocked|rejected)"
    rb"|allowed_hosts",
    re.IGNORECASE,
)


def refuses_host(status: int, body: bytes) -> bool:
    """Check whether a response refuses the ``Host`` header (RFC 9110 §15.5.20), not the request itself."""
    return status == 421 or (status in (400, 403) and _REFUSES_HOST.search(body) is not None)

"""Answers that say that a server takes requests for other host names. Pure."""

from __future__ import annotations

import re

MAX_REFUSAL_BYTES = 2_048
"""What refuses a host is a line or a short page."""

# The SDKs of MCP, Starlette, Django, Rails, Vite, webpack, ASP.NET; each has a way of its own to say it.
_REFUSES_HOST = re.compile(
    rb"(?:invalid|missing|disallowed|untrusted|unknown|blocked|misdirected)[ _-](?:http_)?(?:request )?host"
    rb"|host(?:name)?(?: header)?[^.\n]{0,80}(?:not allowed|not permitted|invalid|blocked|rejected)"
    rb"|allowed_hosts",
    re.IGNORECASE,
)


def refuses_host(status: int, body: bytes) -> bool:
    """Whether an answer is about the ``Host`` header (RFC 9110 §15.5.20), and not about the request."""
    return status == 421 or (status in (400, 403) and _REFUSES_HOST.search(body) is not None)

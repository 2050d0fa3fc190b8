"""A token endpoint before that of a provider, which counts refreshes and remembers the tokens."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import httpx2

_HEADERS = ("authorization", "content-type", "accept")


@dataclass
class TokenEndpoint:
    """It passes every request on.

    Attributes:
        behind: the URL of the provider's token endpoint.
        refreshes: requests with a refresh token.
        access_tokens, refresh_tokens: all that the provider has issued, oldest first.
    """

    behind: str
    url: str = ""
    refreshes: int = 0
    access_tokens: list[str] = field(default_factory=list)
    refresh_tokens: list[str] = field(default_factory=list)

    def forward(self, body: bytes, headers: dict[str, str]) -> httpx2.Response:
        """The response of the provider."""
        self.refreshes += parse_qs(body.decode()).get("grant_type") == ["refresh_token"]
        response = httpx2.post(self.behind, content=body, headers=headers, timeout=60, trust_env=False)
        members = json.loads(response.content)
        self.access_tokens += filter(None, [members.get("access_token")])
        self.refresh_tokens += filter(None, [members.get("refresh_token")])
        return response


@contextmanager
def counting(behind: str) -> Iterator[TokenEndpoint]:
    """A running one, for the length of the context."""
    endpoint = TokenEndpoint(behind)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name: self.headers[name] for name in _HEADERS if name in self.headers}
            response = endpoint.forward(body, headers)
            self.send_response(response.status_code)
            self.send_header("Content-Type", response.headers["content-type"])
            self.send_header("Content-Length", str(len(response.content)))
            self.end_headers()
            self.wfile.write(response.content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        endpoint.url = f"http://127.0.0.1:{server.server_port}/token"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield endpoint
        finally:
            server.shutdown()
            thread.join()

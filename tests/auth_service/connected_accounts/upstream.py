"""A provider of connected accounts on loopback, which rotates its refresh tokens; nothing in it is ours."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.auth_service.keypair import sha256
from tests.auth_service.service import RESOURCE, RESOURCE_SERVER, SCOPES

CLIENT_ID = "doorward-at-the-upstream"
TICKETS = "https://mcp.example/tickets"
"""The resource for which people enter an API key."""

CLIENT_SECRET = "the secret of doorward: at the upstream"


@dataclass
class Upstream:
    """The provider.

    Attributes:
        origin: where it listens.
        expires_in: of its access tokens; None if it does not say.
        offline: whether it issues refresh tokens. Each is good for one use; a second use ends the connection.
        latency_s: how long a token response takes after the tokens were issued.
        answers: path to an answer given in place of the usual one.
        requests: each request, with its path and form.
        tokens: every token that it has issued.
    """

    origin: str = ""
    expires_in: int | None = 3_600
    offline: bool = True
    latency_s: float = 0
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    current: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def settings(self, **changes: Any) -> dict[str, Any]:
        """For `upstream_oauth`."""
        return {
            "name": "Upstream",
            "authorization_endpoint": f"{self.origin}/authorize",
            "token_endpoint": f"{self.origin}/token",
            "revocation_endpoint": f"{self.origin}/revoke",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "scopes": ["repo", "read:user"],
            **changes,
        }

    def approve(self, location: str, **members: str) -> str:
        """The callback URL with a code, to which the person's click at the provider leads."""
        query = dict(parse_qsl(urlsplit(location).query))
        code = secrets.token_urlsafe(8)
        self.codes[code] = query
        answer = {"code": code, "state": query["state"], **members}
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def deny(self, location: str) -> str:
        """The callback URL after the person has cancelled there."""
        query = dict(parse_qsl(urlsplit(location).query))
        answer = {"error": "access_denied", "state": query["state"]}
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    @property
    def refreshes(self) -> int:
        """How often it was asked with a refresh token."""
        return sum(form.get("grant_type") == "refresh_token" for _, form in self.requests)

    def respond(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        with self.lock:
            self.requests.append((path, form))
            if path in self.answers:
                return self.answers[path]
            if path == "/revoke":
                self.current.discard(form["token"])
                return 200, {}
            return self._tokens(form) if path == "/token" else (404, {})

    def _tokens(self, form: dict[str, str]) -> tuple[int, Any]:
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] not in self.current:
                self.current.clear()  # a second use: somebody has stolen it
                return 400, {"error": "invalid_grant"}
            self.current.discard(form["refresh_token"])
            return self._issued()
        request = self.codes.pop(form["code"], None)
        if request is None or sha256(form["code_verifier"]) != request["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        return self._issued()

    def _issued(self) -> tuple[int, Any]:
        members: dict[str, Any] = {"access_token": self._token("access"), "token_type": "Bearer"}
        if self.expires_in is not None:
            members["expires_in"] = self.expires_in
        if self.offline:
            members["refresh_token"] = self._token("refresh")
            self.current.add(members["refresh_token"])
        return 200, members

    def _token(self, kind: str) -> str:
        self.tokens.append(f"{kind}-{secrets.token_urlsafe(24)}")
        return self.tokens[-1]


@contextmanager
def running_upstream() -> Iterator[Upstream]:
    """A running one, for the length of the context."""
    upstream = Upstream()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, members = upstream.respond(urlsplit(self.path).path, dict(parse_qsl(body)))
            encoded = json.dumps(members).encode()
            time.sleep(upstream.latency_s)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        upstream.origin = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield upstream
        finally:
            server.shutdown()
            thread.join()


def resource_server(upstream: Upstream) -> dict[str, Any]:
    """The usual resource server, with the provider for its resource, and another one that needs API keys."""
    upstream_oauth = upstream.settings()
    resource = {"resource": RESOURCE, "name": "Notes", "scopes": SCOPES, "upstream_oauth": upstream_oauth}
    api_key = {"name": "Tickets", "key_page": "https://tickets.example/keys"}
    tickets = {"resource": TICKETS, "name": "Tickets", "scopes": {}, "upstream_api_key": api_key}
    return {**RESOURCE_SERVER, "resources": [resource, tickets]}

"""Identity providers on loopback, which answer as a test says; nothing in them is ours."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urljoin, urlsplit

import httpx2

from tests.auth_service.keypair import KeyPair, sha256
from tests.flow import Form, Person, forms_of

CLIENT_ID = "doorward-at-the-provider"
CLIENT_SECRET = "the secret of doorward: at the provider"

Answer = tuple[int, Any]


@dataclass
class FakeProvider:
    """An OpenID provider, and GitHub's API.

    Attributes:
        claims: of the person who logs in there.
        changes: to the ID token of the next login; None takes a claim out.
        tamper: what becomes of a signed ID token.
        answers: path to an answer given in place of the usual one.
        metadata: members of the discovery document beside the usual ones.
        offline: whether it issues refresh tokens, each good for one use.
        requests: each request, with its path, form and headers.
    """

    issuer: str = ""
    clock: Callable[[], float] = time.time
    pair: KeyPair = field(default_factory=lambda: KeyPair("RS256"))
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "1"})
    changes: dict[str, Any] = field(default_factory=dict)
    tamper: Callable[[str], str] = staticmethod(lambda token: token)  # noqa: RUF009
    answers: dict[str, Answer | Callable[[], Answer]] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    offline: bool = False
    refresh_tokens: list[str] = field(default_factory=list)

    def configuration(self, provider_id: str = "fake", **changes: Any) -> dict[str, Any]:
        """For `DOORWARD_IDENTITY_PROVIDERS`."""
        return {
            "id": provider_id,
            "issuer": self.issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "allow": {"everyone": True},
            **changes,
        }

    def approve(self, location: str) -> str:
        """Return the callback URL with a code, to which the person's click at the provider leads."""
        query = dict(parse_qsl(urlsplit(location).query))
        code = secrets.token_urlsafe(8)
        self.codes[code] = query
        members = {"code": code, "state": query["state"]}
        if self.metadata.get("authorization_response_iss_parameter_supported"):
            members["iss"] = self.issuer
        return f"{query['redirect_uri']}?{urlencode(members)}"

    def respond(self, path: str, form: dict[str, str], headers: dict[str, str]) -> Answer:
        self.requests.append((path, form, headers))
        answer = self.answers.get(path)
        if answer is not None:
            return answer() if callable(answer) else answer
        if path == "/.well-known/openid-configuration":
            return 200, self._document()
        if path == "/jwks":
            return 200, self.pair.jwks
        if path in ("/token", "/login/oauth/access_token"):
            return self._token(form)
        if path == "/userinfo":
            return 200, self.claims
        return 404, {}

    def _document(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            **self.metadata,
        }

    def _token(self, form: dict[str, str]) -> Answer:
        if form.get("grant_type") == "refresh_token":
            return self._refreshed(form["refresh_token"])
        request = self.codes.pop(form.get("code", ""), None)
        if request is None or sha256(form["code_verifier"]) != request["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        if form["redirect_uri"] != request["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        access_token = secrets.token_urlsafe(8)
        tokens = {"access_token": access_token, "token_type": "Bearer", "expires_in": 60}
        if "nonce" in request:
            tokens["id_token"] = self.tamper(self.pair.sign(self._id_token(request["nonce"])))
        return 200, tokens | self._offline()

    def _refreshed(self, refresh_token: str) -> Answer:
        if refresh_token != self.refresh_tokens[-1]:
            return 400, {"error": "invalid_grant"}
        id_token = self.pair.sign(self._id_token(None))
        tokens = {"access_token": secrets.token_urlsafe(8), "token_type": "Bearer", "id_token": id_token}
        return 200, tokens | self._offline()

    def _offline(self) -> dict[str, str]:
        if not self.offline:
            return {}
        self.refresh_tokens.append(f"refresh-{secrets.token_urlsafe(16)}")
        return {"refresh_token": self.refresh_tokens[-1]}

    @property
    def refreshes(self) -> int:
        """How often it was asked with a refresh token."""
        return sum(form.get("grant_type") == "refresh_token" for _, form, _ in self.requests)

    def _id_token(self, nonce: str | None) -> dict[str, Any]:
        now = int(self.clock())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "auth_time": now,
            **self.claims,
            **self.changes,
        }
        return {name: value for name, value in claims.items() if value is not None}


@contextmanager
def fake_provider(**attributes: Any) -> Iterator[FakeProvider]:
    """A running one, for the length of the context."""
    provider = FakeProvider(**attributes)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer({name: values[0] for name, values in parse_qs(body).items()})

        def _answer(self, form: dict[str, str]) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            path = urlsplit(self.path).path
            status, body = provider.respond(
                path, {**dict(parse_qsl(urlsplit(self.path).query)), **form}, headers
            )
            encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        provider.issuer = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()


class FederatedPerson(Person):
    """Somebody who logs in through a provider."""

    def __init__(self, provider: FakeProvider, provider_id: str = "fake", **options: Any) -> None:
        super().__init__(trust_env=False, **options)
        self.provider, self.provider_id = provider, provider_id

    def button(self, page: httpx2.Response) -> Form:
        """The form of the provider on a page."""
        return next(form for form in forms_of(page.text) if form.action.endswith(f"login/{self.provider_id}"))

    def leave(self, page: httpx2.Response) -> str:
        """Press the button of the provider; where it leads."""
        form = self.button(page)
        fields = {**form.fields, **dict(form.buttons)}
        response = self.browser.post(urljoin(str(page.url), form.action), data=fields)
        assert response.status_code == 303, response.text
        return str(response.headers["location"])

    def log_in(self, page: httpx2.Response) -> httpx2.Response:
        return self.open(self.provider.approve(self.leave(page)))

"""A resource server's end of the revocation feed: polls, acknowledges, verifies every token it is given."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import httpx2
import jwt

from shared.security_events import SecurityEvent, read_event
from tests.auth_service.service import RESOURCE_SECRET

SOON_S = 20


@dataclass
class Receiver:
    """Polls at `origin` as a resource server.

    Attributes:
        ack: the events of the last answer.
    """

    origin: str
    issuer: str
    id: str = "resource"
    secret: str = RESOURCE_SECRET
    ack: list[str] = field(default_factory=list)
    http: httpx2.Client = field(default_factory=lambda: httpx2.Client(timeout=30, trust_env=False))

    def begin(self) -> None:
        """Begin the stream: what happens from now on is delivered."""
        self.ack = []
        assert self.poll()

    def post(self, body: object = None, **options: Any) -> httpx2.Response:
        """One poll, as it is."""
        usual: dict[str, Any] = {"auth": httpx2.BasicAuth(self.id, self.secret)}
        content: dict[str, Any] = {} if "content" in options else {"json": {} if body is None else body}
        return self.http.post(f"{self.origin}/revocations", **content, **usual, **options)

    def poll(self, **members: Any) -> list[SecurityEvent]:
        """The next events; acknowledges those before."""
        response = self.post({"ack": self.ack, **members})
        assert response.status_code == 200, response.text
        answer = response.json()
        events = [self.read(jti, token) for jti, token in answer["sets"].items()]
        self.ack = [event.jti for event in events] or self.ack
        return events

    def read(self, jti: str, token: str) -> SecurityEvent:
        """The event of a token, verified with the published keys by a library that is not ours."""
        claims = self.verified(token)
        event = read_event(claims, issuer=self.issuer, audience=self.id)
        assert event.jti == jti
        return event

    def verified(self, token: str) -> dict[str, Any]:
        keys = jwt.PyJWKSet.from_dict(self.http.get(f"{self.origin}/jwks").json())
        header = jwt.get_unverified_header(token)
        assert header["typ"] == "secevent+jwt"
        claims: dict[str, Any] = jwt.decode(
            token,
            keys[header["kid"]].key,
            algorithms=["ES256"],
            audience=self.id,
            issuer=self.issuer,
            # The clock of the server may be ahead: tests move it.
            options={"require": ["iss", "aud", "iat", "jti"], "verify_iat": False},
        )
        return claims

    def reason_for(self, grant_id: str) -> str | None:
        """Poll until the end of that grant is told of; why it ended."""
        deadline = time.monotonic() + SOON_S
        while time.monotonic() < deadline:
            for event in self.poll():
                if event.grant_id == grant_id:
                    return event.reason
        raise AssertionError(f"nobody told of the end of {grant_id}")

    def close(self) -> None:
        self.http.close()

"""One client, one person, and open connections to every process: what the races are run with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.e2e.services import Deployment
from tests.e2e.volley import Answer, Battery, post, request
from tests.flow import Client, Person, Pkce

WEB = ["https://client.example/callback"]
"""With a redirect URI like this a consent is remembered, and further grants cost no pages."""

TokenReader = dict[str, Any]


@dataclass
class Contest:
    """One client and one person, and open connections to every process."""

    deployment: Deployment
    client: Client
    person: Person
    lines: Battery

    def redeem(self, code: str, pkce: Pkce) -> bytes:
        return self._post("/token", grant_type="authorization_code", code=code, code_verifier=pkce.verifier)

    def refresh(self, refresh_token: str) -> bytes:
        return self._post("/token", grant_type="refresh_token", refresh_token=refresh_token)

    def revoke(self, token: str) -> bytes:
        return self._post("/revoke", token=token)

    def authorize(self, pkce: Pkce) -> bytes:
        """An authorization request by the person's browser, which has a session and needs no pages."""
        url = urlsplit(self.client.authorization_url(pkce))
        cookies = "; ".join(f"{name}={value}" for name, value in self.person.browser.cookies.items())
        return request("GET", f"{url.path}?{url.query}", {"Cookie": cookies})

    def _post(self, path: str, **fields: str) -> bytes:
        return post(path, {**fields, "client_id": self.client.client_id})

    async def live(self, tokens: list[TokenReader]) -> list[str]:
        """Those of the tokens that still work. Refresh tokens are used by asking."""
        authorization = self.deployment.authorization
        accesses = [each["access_token"] for each in tokens]
        refreshes = [each["refresh_token"] for each in tokens]
        introspected = await self.lines.fire(
            post("/introspect", {"token": token}, authorization) for token in accesses
        )
        refreshed = await self.lines.fire(map(self.refresh, refreshes))
        assert {answer.status for answer in introspected} == {200}
        return [
            *(token for token, answer in zip(accesses, introspected, strict=True) if answer.json["active"]),
            *(token for token, answer in zip(refreshes, refreshed, strict=True) if answer.status == 200),
        ]


def succeeded(answers: list[Answer]) -> list[Answer]:
    """The successes; everyone else must have been told invalid_grant."""
    good = [answer for answer in answers if answer.status == 200]
    refusals = {(a.status, a.json.get("error")) for a in answers if a.status != 200}
    assert refusals <= {(400, "invalid_grant")}
    return good


def codes(answers: list[Answer]) -> list[str]:
    """The codes in authorization responses."""
    queries = [parse_qs(urlsplit(answer.headers.get("location", "")).query) for answer in answers]
    return [query["code"][0] for query in queries if "code" in query]

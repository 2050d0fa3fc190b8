"""A client that does what its profile says, over real HTTP."""

from __future__ import annotations

import random
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import httpx2

from tests.auth_service.service import machine
from tests.flow import Person, Pkce
from tests.profiles.checks import CHECKS, Evidence
from tests.profiles.credentials import Signer, introduce, proof
from tests.profiles.discovery import challenged_scope, discover
from tests.profiles.mcp import call_tool
from tests.profiles.profile import PORT, Leg, Profile, Way

_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody, and is shared: to read the system's authorities for each start takes longer than a start."""


@dataclass
class Kept:
    """The state of a client between two starts; all of it may be lost.

    Attributes:
        information: about itself: `client_id`, perhaps a secret.
        tokens: the last token response.
    """

    information: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, Any] = field(default_factory=dict)


class Client:
    """One start of a client, on a port of its own.

    Args:
        way: how it introduces itself, of those in its profile.
        person: sits at the browser that it opens.
        signer: its key, if it proves itself by one.
        kept: by an earlier start.
    """

    def __init__(
        self,
        profile: Profile,
        way: Way,
        mcp_url: str,
        person: Person,
        signer: Signer,
        kept: Kept | None = None,
    ) -> None:
        self.profile = profile
        self.way = way
        self.person = person
        self.signer = signer
        self.kept = kept or Kept()
        self.port = random.randrange(49_152, 65_536)  # noqa: S311 -- where nobody listens
        self.evidence = Evidence(mcp_url)
        headers = dict(profile.requests.headers)
        if profile.requests.protocol_header:
            headers["MCP-Protocol-Version"] = profile.requests.revision
        self.http = machine(headers=headers, event_hooks={"response": [self._note]}, verify=_NO_TLS)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    @property
    def redirect_uri(self) -> str:
        return self.profile.authorization.redirect_uri.replace(PORT, str(self.port))

    def connect(self) -> None:
        """From the pasted URL to tokens, introducing itself unless it is known already."""
        self.discover()
        if not self.kept.information:
            self.kept.information = introduce(self.profile, self.way, self.http, self.evidence, self.port)
        pkce = Pkce()
        url = self.authorization_url(pkce)
        if self.profile.authorization.fetches_first:
            assert self.http.get(url).status_code in (200, 302, 303, 307, 308)
        self.evidence.redirected = self.person.authorize(url)
        assert self.evidence.redirected["state"] == self.profile.authorization.state
        answer = self.redeem(self.evidence.redirected["code"], pkce)
        assert answer.status_code == 200, answer.text
        self.kept.tokens = self.evidence.tokens = answer.json()

    def discover(self) -> None:
        discover(self.profile, self.http, self.evidence)

    def make_sure(self) -> None:
        """Check what this client checks.

        Raises:
            AssertionError: it would have given up.
        """
        for name in self.profile.checks:
            CHECKS[name](self.evidence)

    def authorization_url(self, pkce: Pkce) -> str:
        """Where the person ends up that it sends to the authorization endpoint."""
        habits = self.profile.authorization
        parameters = {
            "response_type": "code",
            "client_id": self.kept.information["client_id"],
            "redirect_uri": self.redirect_uri,
            "state": habits.state,
            "code_challenge": pkce.challenge,
            "code_challenge_method": "S256",
            **self._scope(),
            **habits.parameters,
            **self._resource("authorize"),
        }
        encoded = urlencode(parameters, quote_via=quote)
        return self._led_on(f"{self.evidence.server_metadata['authorization_endpoint']}?{encoded}")

    def redeem(self, code: str, pkce: Pkce) -> httpx2.Response:
        form = {"code": code, "redirect_uri": self.redirect_uri, "code_verifier": pkce.verifier}
        return self._token("authorization_code", {**form, **self._resource("token")})

    def refresh(self) -> list[httpx2.Response]:
        """Refresh, in as many processes at once as the client has; the answers.

        The tokens are replaced where all succeed.
        """
        form = {"refresh_token": self.kept.tokens["refresh_token"], **self._resource("refresh")}
        if self.profile.refreshing.scope:
            form["scope"] = self.kept.tokens["scope"]
        at_once = self.profile.refreshing.at_once
        with ThreadPoolExecutor(at_once) as processes:
            answers = list(processes.map(lambda _: self._token("refresh_token", form), range(at_once)))
        if all(answer.status_code == 200 for answer in answers):
            self.kept.tokens = answers[-1].json()
        return answers

    def call(self, tool: str, **arguments: str) -> httpx2.Response:
        """Call a tool with the access token that is kept."""
        revision, token = self.profile.requests.revision, self.kept.tokens["access_token"]
        return call_tool(self.http, self.evidence.pasted, token, revision, tool, **arguments)

    def revoke(self) -> httpx2.Response:
        """Revoke what it has, as those do that the user disconnects."""
        form = {"token": self.kept.tokens["refresh_token"], "token_type_hint": "refresh_token"}
        return self._post(self.evidence.server_metadata["revocation_endpoint"], form)

    def _led_on(self, url: str) -> str:
        """Where a browser ends up that opens `url`, if that is not at the authorization server itself."""
        if "issuer" in self.evidence.server_metadata:
            return url
        answer = self.http.get(url)
        assert answer.status_code == 307, answer.status_code
        return str(answer.headers["location"])

    def _scope(self) -> dict[str, str]:
        habits, listed = self.profile.authorization, self.evidence.server_metadata.get("scopes_supported", [])
        if habits.literal_scope is not None:
            return {"scope": habits.literal_scope}
        if habits.scope == "none":
            return {}
        scopes = (
            list(listed) if habits.scope == "all listed" else (challenged_scope(self.evidence) or "").split()
        )
        if habits.offline_access and "offline_access" in listed and "offline_access" not in scopes:
            scopes.append("offline_access")
        return {"scope": " ".join(scopes)}

    def _resource(self, leg: Leg) -> dict[str, str]:
        habits = self.profile.authorization
        if leg not in habits.resource_at or habits.resource == "absent":
            return {}
        announced = self.evidence.resource_metadata["resource"]
        spellings = {
            "announced": announced,
            "lower case": announced.lower().removesuffix("/"),
            "trailing slash": f"{announced.removesuffix('/')}/",
        }
        return {"resource": spellings[habits.resource]}

    def _token(self, grant_type: str, form: dict[str, str]) -> httpx2.Response:
        return self._post(self.evidence.server_metadata["token_endpoint"], {"grant_type": grant_type, **form})

    def _post(self, url: str, form: dict[str, str]) -> httpx2.Response:
        issuer = self.evidence.server_metadata.get("issuer", "")
        headers, members = proof(self.kept.information, self.profile.registration, self.signer, issuer)
        return self.http.post(url, data={**form, **members}, headers=headers)

    def _note(self, response: httpx2.Response) -> None:
        response.read()
        self.evidence.answers.append(response)

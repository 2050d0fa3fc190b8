"""A deployment after a full flow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.cli.command import doorward
from tests.e2e.services import Deployment, deployed
from tests.flow import Client, Person, Pkce, forms_of

PASSWORD = "Wallflower-9-Quays"
ACCESS = "groups:\n  testers:\n    '*': '*'\n"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
SETTINGS = {
    "DOORWARD_REGISTRATION": "token",
    # Each guess at the password comes from a network of its own, or it would not even be looked at.
    "DOORWARD_TRUSTED_PROXIES": "127.0.0.0/8",
    "DOORWARD_CODE_TTL_S": "600",
}


@dataclass
class Flow:
    """The actions on a deployment, with their actors.

    Attributes:
        invitation: an initial access token, good for some more registrations.
    """

    deployment: Deployment
    http: httpx2.Client
    person: Person
    invitation: str

    def __post_init__(self) -> None:
        self.public = self._register(token_endpoint_auth_method="none")
        self.confidential = self._register(token_endpoint_auth_method="client_secret_basic")
        self.tokens = self._connected()
        self.pkce = Pkce()
        self.code = self.person.authorize(self.public.authorization_url(self.pkce))["code"]
        self.pending = self._pending()
        self.pushed = self._pushed()
        self.device_code = self.http.post(
            f"{self.deployment.issuer}/device_authorization", data={"client_id": self.public.client_id}
        ).json()["device_code"]

    def _register(self, **metadata: str) -> Client:
        grants = ["authorization_code", "refresh_token", DEVICE_CODE]
        authorization = {"Authorization": f"Bearer {self.invitation}"}
        with httpx2.Client(trust_env=False, headers=authorization) as invited:
            client = Client.register(self.deployment.issuer, invited, grant_types=grants, **metadata)
        client.http = self.http
        return client

    def _connected(self) -> dict[str, Any]:
        """A grant that has been refreshed, narrowed; beside it one of another client, revoked."""
        scope = "openid profile offline_access notes:read notes:write"
        first = self.public.connect(self.person, scope=scope)
        narrowed = self.public.refresh(first["refresh_token"], scope="notes:read").json()
        other = self.confidential.connect(self.person)
        self.confidential.revoke(other["access_token"])
        tokens: dict[str, Any] = narrowed
        return tokens

    def _pending(self) -> str:
        page = self.person.open(self.public.authorization_url(Pkce()))
        return forms_of(page.text)[0].fields["pending"]

    def _pushed(self) -> str:
        query = urlsplit(self.public.authorization_url(Pkce())).query
        parameters = {name: values[0] for name, values in parse_qs(query).items()}
        answer = self.http.post(f"{self.deployment.issuer}/par", data=parameters)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["request_uri"])


@contextmanager
def lived_in(store_url: str, directory: Path) -> Iterator[Flow]:
    """A deployment with a full flow behind it."""

    def operate(*arguments: str, stdin: str = "") -> str:
        done = doorward(*arguments, cwd=directory, stdin=stdin, DOORWARD_STORE=store_url)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    with ExitStack() as stack:
        deployment = stack.enter_context(deployed(store_url, directory, settings=SETTINGS))
        http = stack.enter_context(httpx2.Client(trust_env=False))
        operate("users", "add", "ada", stdin=f"{PASSWORD}\n")
        operate("groups", "add", "testers", "ada")
        operate("access", "set", "-", stdin=ACCESS)
        person = stack.enter_context(closing(Person("ada", PASSWORD, trust_env=False)))
        yield Flow(deployment, http, person, operate("clients", "invite", "--uses", "9"))

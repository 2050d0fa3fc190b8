"""A person with a client, who connects an account; and the resource server that asks for the credential."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import httpx2

from tests.auth_service.connected_accounts.upstream import Upstream
from tests.auth_service.service import RESOURCE, RESOURCE_SECRET, AuthorizationServer
from tests.e2e.dump import dump
from tests.flow import Client, Person


@dataclass
class Connecting:
    """Somebody who uses a client at a resource with a provider.

    Attributes:
        token: the access token of the client.
    """

    server: AuthorizationServer
    upstream: Upstream
    person: Person
    resource: str = RESOURCE
    client: Client = field(init=False)
    token: str = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.server.register(client_name="An agent")
        self.token = self.new_token()

    @property
    def subject(self) -> str:
        """The subject of the person."""
        return self.server.subject_of(self.person.username)

    def stored(self) -> list[str]:
        """The keys of what is stored for the person."""
        subject = self.subject
        keys = (entry.key for entry in dump(self.server.store_url))
        return [key for key in keys if f"connected-account:{subject}" in key]

    def new_token(self) -> str:
        """Another access token for the same client."""
        return str(self.client.connect(self.person, resource=self.resource)["access_token"])

    def response(self, token: str | None = None, **form: str) -> httpx2.Response:
        """The response to the resource server."""
        return self.server.http.post(
            f"{self.server.origin}/connected-account",
            data={"token": token or self.token, **form},
            auth=httpx2.BasicAuth("resource", RESOURCE_SECRET),
        )

    def ask(self, **form: str) -> dict[str, Any]:
        """The answer to the resource server."""
        response = self.response(**form)
        assert response.status_code == 200, response.text
        assert response.headers["cache-control"] == "no-store"
        answer: dict[str, Any] = response.json()
        return answer

    def leave(self, person: Person | None = None) -> str:
        """Open the link and press the button; the URL at the provider."""
        person = person or self.person
        response = person.submit(person.open(self.ask()["connect_url"]), {})
        assert response.status_code == 303, response.text
        return response.headers["location"]

    def connect(self) -> httpx2.Response:
        """Connect an account; the last page."""
        return self.person.open(self.upstream.approve(self.leave()))

    def enter(self, api_key: str, url: str = "") -> httpx2.Response:
        """Enter an API key by the link; the last page."""
        page = self.person.open(url or self.ask()["connect_url"])
        return self.person.submit(page, {"api_key": api_key})

    def disconnect(self) -> httpx2.Response:
        """Press the button on the account page, and confirm; the last page."""
        return self.person.submit(self.disconnect_page(), {})

    def disconnect_page(self) -> httpx2.Response:
        """Press the button on the account page; the page that asks for a confirmation."""
        account = self.person.open(f"{self.server.origin}/account")
        (link,) = re.findall(r'href="(account\?action=disconnect_account&amp;[^"]+)"', account.text)
        return self.person.open(f"{self.server.origin}/{unescape(link)}")

    def journaled(self, action: str) -> int:
        """How many events of the person have this action."""
        subject = self.subject
        chains = [repr(entry) for entry in dump(self.server.store_url) if ":journal:" in entry.key]
        lines = [line for chain in chains for line in chain.split("b'") if subject in line]
        return sum(f'"action":"{action}"' in line for line in lines)

    def connected(self) -> dict[str, Any]:
        """Connect an account; the answer to the resource server."""
        page = self.connect()
        assert page.status_code == 200, page.text
        answer = self.ask()
        assert answer["status"] == "connected"
        return answer

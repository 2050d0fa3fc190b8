"""A device that logs in through the device grant (RFC 8628)."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.auth_service.service import AuthorizationServer
from tests.flow import Client, Person, forms_of

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Device:
    """A device that shows a code and polls."""

    def __init__(self, server: AuthorizationServer, client: Client | None = None) -> None:
        self.server = server
        self.client = client or server.register(grant_types=[GRANT, "refresh_token"], redirect_uris=[])
        self.authorization: dict[str, Any] = {}

    def begin(self, **parameters: str) -> Device:
        response = self.ask(**parameters)
        assert response.status_code == 200, response.text
        self.authorization = response.json()
        return self

    def ask(self, **parameters: str) -> httpx2.Response:
        return self.client._post("device_authorization", parameters)  # noqa: SLF001

    def poll(self, client: Client | None = None) -> httpx2.Response:
        return (client or self.client).token(grant_type=GRANT, device_code=self.authorization["device_code"])

    def error(self) -> str:
        response = self.poll()
        assert response.status_code == 400, response.text
        return str(response.json()["error"])

    def enter(self, person: Person, code: str | None = None) -> httpx2.Response:
        """The person opens the page and types the code."""
        page = person.open(self.authorization["verification_uri"])
        return person.submit(page, {"user_code": code or self.authorization["user_code"]})

    def decide(self, person: Person, decision: str = "allow", **changes: str | None) -> httpx2.Response:
        page = self.enter(person)
        while page.status_code == 200 and forms_of(page.text):
            if "password" in forms_of(page.text)[0].fields:
                page = person.log_in(page)
            else:
                page = person.submit(page, {"decision": decision, **changes})
        return page

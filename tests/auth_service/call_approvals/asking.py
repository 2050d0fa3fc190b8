"""A resource server that asks for approvals of the calls of a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2

from tests.auth_service.service import RESOURCE_SECRET, AuthorizationServer
from tests.flow import Person

CALL = '{"arguments":{"amount":1,"to":"bob\u202e"},"name":"pay"}'


@dataclass
class Asking:
    """A resource server that asks for approvals, with the token of a person."""

    server: AuthorizationServer
    person: Person
    token: str

    def response(self, **form: str) -> httpx2.Response:
        data = {"token": self.token, "call": CALL, "approver": "self", "policy": "1", "use": "true", **form}
        return self.server.http.post(
            f"{self.server.origin}/call-approval",
            data=data,
            auth=httpx2.BasicAuth("resource", RESOURCE_SECRET),
        )

    def ask(self, **form: str) -> dict[str, Any]:
        response = self.response(**form)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def decide(self, url: str, decision: str, person: Person | None = None) -> httpx2.Response:
        person = person or self.person
        return person.submit(person.open(url), {"decision": decision})

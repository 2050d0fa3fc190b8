"""A person in whose name tools are called, for the tests of pages that show calls."""

from __future__ import annotations

from typing import Any

from tests.auth_service.reporter import Reporter, connect
from tests.auth_service.service import AuthorizationServer
from tests.flow import Person


class Caller:
    """A person with a connection under which tools were called."""

    def __init__(self, server: AuthorizationServer, person: Person) -> None:
        self.server, self.person = server, person
        self.subject = server.subject_of(person.username)
        self.grant = connect(server, person)
        self.client = server.grant(self.grant).client_id
        self.reporter = Reporter()
        self.reporter.time_ms = int(server.clock() * 1000)

    def call(self, tool: str, result: str = "ok", **members: Any) -> None:
        """Let the resource server report a call and its result."""
        about = {"grant": self.grant, "subject": self.subject, "client": self.client, "call": 1}
        self.reporter.report(
            self.server,
            {**about, "name": tool, **members},
            {"kind": "call.completed", "call": 1, "result": result},
        )

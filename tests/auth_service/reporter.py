"""A process of a resource server that delivers its chain, for the tests of that."""

from __future__ import annotations

from typing import Any

import httpx2

from shared.journal.chain import Chain
from shared.journal.delivery import Delivery, chain_name
from shared.journal.event import Event, kind_of
from tests.auth_service.service import (
    OTHER_RESOURCE_SECRET,
    RESOURCE,
    RESOURCE_SECRET,
    AuthorizationServer,
    nobodys,
)
from tests.flow import Person

NDJSON = "application/x-ndjson"


def connect(server: AuthorizationServer, person: Person, resource: str = RESOURCE) -> str:
    """The id of a new grant."""
    secret = RESOURCE_SECRET if resource == RESOURCE else OTHER_RESOURCE_SECRET
    tokens = server.register().connect(person, resource=resource)
    name = "resource" if resource == RESOURCE else "other"
    return str(server.introspect(tokens["access_token"], server=name, secret=secret)["grant_id"])


class Reporter:
    """A process of a resource server, which writes one chain."""

    def __init__(self, name: str = "resource") -> None:
        self.chain = Chain(chain_name(name, nobodys("process-of-22-letters").replace(" ", "-")[-32:]))
        self.secret = RESOURCE_SECRET if name == "resource" else OTHER_RESOURCE_SECRET
        self.name = name
        self.time_ms = 1_000

    def write(self, *calls: dict[str, Any], count: int = 1) -> bytes:
        """A write with each call so often."""
        events = []
        for call in calls:
            for _ in range(count):
                self.time_ms += 1
                members = {"method": "tools/call", "resource": RESOURCE, "name": "read_note", **call}
                kind = kind_of(str(members.pop("kind", "call.begun")))
                events.append(Event(kind=kind, time_ms=self.time_ms, members=members))
        return b"\n".join(map(self.chain.append, events))

    def body(self, *writes: bytes) -> bytes:
        return Delivery(self.chain.head.writer, writes).to_wire()

    def send(self, server: AuthorizationServer, body: bytes, content_type: str = NDJSON) -> httpx2.Response:
        return server.http.post(
            f"{server.origin}/events",
            content=body,
            headers={"Content-Type": content_type},
            auth=httpx2.BasicAuth(self.name, self.secret),
        )

    def report(self, server: AuthorizationServer, *calls: dict[str, Any], count: int = 1) -> None:
        answer = self.send(server, self.body(self.write(*calls, count=count)))
        assert (answer.status_code, answer.json()["through"]) == (200, self.chain.head.sequence), answer.text

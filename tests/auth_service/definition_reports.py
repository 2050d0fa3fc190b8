"""Resource servers that report pinned and held definitions."""

from __future__ import annotations

from typing import Any

import httpx2

from shared.pinned_definitions import (
    DefinitionReport,
    HeldDefinition,
    Part,
    PinnedKind,
    ValueChange,
)
from tests.auth_service.service import RESOURCE, RESOURCE_SECRET, AuthorizationServer

OLD, NEWER, NEWEST = "o" * 43, "n" * 43, "m" * 43


def held(digest: str = NEWER, name: str = "add_note", text: str = "\u202eevil<b>") -> HeldDefinition:
    changes = (ValueChange("/description", (Part("=", "Add a note"), Part("+", text))),)
    return HeldDefinition(
        definition="tools", name=name, difference="changed", base=OLD, digest=digest, changes=changes
    )


def report(*definitions: HeldDefinition, process: str = "one", **members: Any) -> DefinitionReport:
    return DefinitionReport(
        resource=members.get("resource", RESOURCE),
        process=process,
        pinned=(PinnedKind(definition="tools", count=2, names=("add_note", "list_notes")),),
        held=definitions,
        all_held=members.get("all_held", tuple(each.identity for each in definitions)),
    )


class Resource:
    """A resource server that reports, and hears what is approved."""

    def __init__(self, server: AuthorizationServer) -> None:
        self.server = server

    def post(self, path: str, content: bytes, **options: Any) -> httpx2.Response:
        usual: dict[str, Any] = {
            "auth": httpx2.BasicAuth("resource", RESOURCE_SECRET),
            "headers": {"content-type": "application/json"},
        }
        return self.server.http.post(f"{self.server.origin}{path}", content=content, **{**usual, **options})

    def tell(self, sent: DefinitionReport) -> dict[str, Any]:
        response = self.post("/definitions", sent.to_wire())
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def announced(self) -> str:
        response = self.post("/revocations", b'{"returnImmediately": true}')
        return str(response.json()["doorward_definitions"])

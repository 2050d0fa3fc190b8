"""Access rules and groups, changed behind the server's back as a command does."""

from __future__ import annotations

from auth_service.access.components import AccessComponents
from auth_service.protocol.access_document import parse_access
from shared.storage import Store
from tests.auth_service.service import AuthorizationServer

CONTACT = "it@corp.example"


def give(server: AuthorizationServer, *, resource: str, **people: list[str] | str) -> None:
    """The rules from now on: what each of these people may hold at one resource."""
    document = {"contact": CONTACT, "people": {name: {resource: scopes} for name, scopes in people.items()}}
    set_rules(server, document)


def set_rules(server: AuthorizationServer, document: object) -> None:
    async def run(store: Store) -> None:
        rules = AccessComponents.of_store(store, server.clock, None).rules
        await rules.save(parse_access(document), (await rules.load()).version)

    server.with_store(run)

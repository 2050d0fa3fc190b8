"""A person's grants, grouped by the program that they were given to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.protocol.client import Client
from auth_service.protocol.connected_apps import DELETED_CLIENT, Connection, by_app
from tests.auth_service.protocol.builders import NOW, active_grant, client

pytestmark = pytest.mark.requirement("ID-7")

EDITOR, OTHER = client(client_name="Editor"), client(client_name="Other")
DOCUMENT = replace(client(client_name="Site"), client_id="https://app.example/client", fresh_until=NOW)


def connection(grant_id: str, of: Client | None, used_at: int, client_id: str = "client-1") -> Connection:
    """A grant that was last used that long after it was given."""
    grant = replace(active_grant(grant_id=grant_id, used_at=NOW + used_at), client_id=client_id)
    return Connection(grant, of)


def test_connections_of_one_program_are_one_app_and_the_last_used_comes_first() -> None:
    again = replace(EDITOR, client_id="client-2")
    apps = by_app(
        [
            connection("a", EDITOR, 1_000),
            connection("d", OTHER, 2_000),
            connection("c", again, 3_000),
            connection("b", EDITOR, 3_000),
        ]
    )
    assert [[each.grant.grant_id for each in app.connections] for app in apps] == [["b", "c", "a"], ["d"]]
    assert [(app.name, app.last_used_at) for app in apps] == [("Editor", NOW + 3_000), ("Other", NOW + 2_000)]
    assert [app.key for app in apps] == [app.connections[-1].app_key for app in apps]


def test_an_app_has_the_name_of_the_client_that_was_used_last_and_the_domain_of_its_document() -> None:
    older = replace(DOCUMENT, metadata={**DOCUMENT.metadata, "client_name": "Old"})
    [app] = by_app([connection("a", older, 1_000), connection("b", DOCUMENT, 2_000)])
    assert (app.name, app.domain) == ("Site", "app.example")
    [registered] = by_app([connection("a", EDITOR, 1_000)])
    assert registered.domain is None


def test_deleted_clients_stay_apart() -> None:
    apps = by_app([connection("a", None, 1), connection("b", None, 2, client_id="client-2")])
    assert [(app.name, app.domain) for app in apps] == [(DELETED_CLIENT, None)] * 2
    assert [len(app.key) for app in apps] == [32, 32]

"""The stops that a person sees beside a connection."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth_service.pages.account_connections import stop_in_words
from auth_service.protocol.client import Client
from auth_service.protocol.grant import Grant
from auth_service.stops.concerning import concerning
from auth_service.stops.records import StopRecord

pytestmark = pytest.mark.requirement("GW-5")

HERE = "https://a.example/mcp"
GRANT = Grant(
    grant_id="g",
    client_id="c",
    scopes=(),
    created_at=1,
    expires_at=2,
    state="active",
    subject="alice",
    resource=HERE,
)


def record(kind: str, name: str, resource: str | None = None) -> StopRecord:
    return StopRecord(kind=kind, name=name, resource=resource, by="ops", at=1_800_000_000)


@pytest.mark.parametrize(
    "stop",
    [
        *(record("person", "alice"), record("client", "c"), record("mount", f"{HERE}/")),
        *(record("tool", "x"), record("tool", "x", HERE)),
    ],
)
def test_a_stop_of_the_person_the_client_the_mount_or_a_tool_there_is_shown(stop: StopRecord) -> None:
    assert concerning([stop], GRANT) == [stop]


@pytest.mark.parametrize(
    "stop",
    [
        *(record("person", "bob"), record("client", "d"), record("mount", "https://b.example/mcp")),
        record("tool", "x", "https://b.example/mcp"),
    ],
)
def test_other_stops_are_not_shown(stop: StopRecord) -> None:
    assert concerning([stop], GRANT) == []
    assert concerning([record("mount", HERE), record("tool", "x")], replace(GRANT, resource=None)) == []


@pytest.mark.parametrize(("name", "concerns"), [("agent-7", True), ("An agent", True), ("An agent*", False)])
def test_a_stop_of_the_software_is_shown_by_either_of_its_names(name: str, concerns: bool) -> None:
    client = Client(
        client_id="c", created_at=1, metadata={"software_id": "agent-7", "client_name": "An agent"}
    )
    assert bool(concerning([record("software", name)], GRANT, client)) is concerns


def test_a_metadata_document_is_the_name_of_its_software() -> None:
    url = "https://agent.example/client.json"
    grant = replace(GRANT, client_id=url)
    stored = Client(client_id=url, created_at=1, metadata={"client_name": "An agent"}, fresh_until=9)
    for client in (None, stored):
        assert concerning([record("software", url)], grant, client)
    assert concerning([record("software", "An agent")], grant, stored)
    assert not concerning([record("software", "c")], GRANT, Client(client_id="c", created_at=1, metadata={}))


def test_the_sentence_names_the_tool_and_the_day() -> None:
    assert str(stop_in_words(record("tool", "x"))).startswith("The operator has stopped the tool x on ")
    assert str(stop_in_words(record("client", "c"))).startswith("The operator has stopped this on ")

"""Held definitions in the console and in the admin API, on both stores (GW-4)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from auth_service.definitions.reported import LISTED_FOR_S
from auth_service.storage import keys
from shared.pinned_definitions import (
    MAX_HELD,
    HeldDefinition,
)
from shared.storage import Store
from tests.auth_service.administrator import AdminApiClient
from tests.auth_service.console import AtTheConsole
from tests.auth_service.definition_reports import NEWER, NEWEST, OLD, Resource, held, report
from tests.auth_service.service import RESOURCE, AuthorizationServer
from tests.flow import Person

pytestmark = pytest.mark.requirement("GW-4", "ID-8")


@pytest.fixture
def resource(server: AuthorizationServer) -> Iterator[Resource]:
    async def forget(store: Store) -> None:
        await store.delete(keys.approved_definitions())
        await store.delete(keys.reported_definitions(RESOURCE))

    server.with_store(forget)
    yield Resource(server)
    server.with_store(forget)


@pytest.fixture
def api(server: AuthorizationServer) -> AdminApiClient:
    return AdminApiClient.of_administrator(server)


@pytest.fixture
def console(server: AuthorizationServer) -> Iterator[AtTheConsole]:
    person = Person(trust_env=False)
    yield AtTheConsole(server, person)
    person.close()


def listed(api: AdminApiClient) -> dict[str, Any]:
    (only,) = (each for each in api.get("/definitions")["pinned_resources"] if each["resource"] == RESOURCE)
    return dict(only)


def test_a_held_definition_is_approved_and_withdrawn_through_the_api(
    api: AdminApiClient, resource: Resource
) -> None:
    assert listed(api) == {"resource": RESOURCE, "pinned": [], "held": [], "approved": []}
    assert resource.tell(report(held())) == {"version": "", "approved": []}
    (current,) = listed(api)["held"]
    assert current == {"definition_id": held().identity, **held().to_wire()}
    path = f"/definitions/{current['definition_id']}?resource={RESOURCE}"
    with capture_logs() as lines:
        for _ in range(2):
            assert api.done("PUT", path) is None
    (line,) = (each for each in lines if each["event"] == "administration")
    assert (line["action"], line["by"], line["definition"]) == (
        "definition approved",
        "wesen",
        "tools/add_note",
    )
    now = listed(api)
    assert now["held"] == []
    assert [(each["by"], each["digest"]) for each in now["approved"]] == [("wesen", NEWER)]
    answer = resource.tell(report())
    assert answer["approved"] == [{"definition": "tools", "name": "add_note", "base": OLD, "digest": NEWER}]
    assert answer["version"] == resource.announced() != ""
    assert api.done("DELETE", path) is None
    assert api.send("DELETE", path).status_code == 404
    assert resource.tell(report())["approved"] == []


def test_a_definition_that_changed_since_it_was_shown_is_not_approved(
    api: AdminApiClient, resource: Resource, console: AtTheConsole
) -> None:
    resource.tell(report(held()))
    path = f"/definitions/{held().identity}?resource={RESOURCE}"
    page = console.open(f"definitions?url={RESOURCE}")
    resource.tell(report(held(NEWEST)))
    assert api.send("PUT", path).status_code == 404
    form = console.form(page, "approve")
    fields = {**form.fields, f"approve-{held().identity}": "1", "action": "approve"}
    answer = console.post("definitions", fields)
    assert answer.status_code == 409
    assert "has changed since it was shown" in answer.text
    assert listed(api)["approved"] == []


def test_an_administrator_sees_every_character_and_approves_in_the_console(
    api: AdminApiClient, resource: Resource, console: AtTheConsole
) -> None:
    other = held(NEWEST, "list_notes")
    resource.tell(report(held(), other))
    assert "2 held" in console.open("definitions").text
    page = console.open(f"definitions?url={RESOURCE}")
    assert "\u202e" not in page.text
    assert '<code class="escape">\\u202e</code>evil&lt;b&gt;</ins>' in page.text
    form = console.form(page, "approve")
    fields = {**form.fields, f"approve-{held().identity}": "1", "action": "approve"}
    page = console.post("definitions", fields)
    assert page.status_code == 200
    assert console.post("definitions", fields).status_code == 200, "the form was sent twice"
    now = listed(api)
    assert [each["name"] for each in now["held"]] == ["list_notes"]
    assert [(each["name"], each["by"]) for each in now["approved"]] == [("add_note", "wesen")]
    console.press(console.open(f"definitions?url={RESOURCE}"), "withdraw")
    assert listed(api)["approved"] == []
    assert console.open("definitions?url=https://nowhere.example").status_code == 404


def test_what_was_not_shown_cannot_be_approved(api: AdminApiClient, resource: Resource) -> None:
    hidden = HeldDefinition(
        definition="tools", name="long", difference="new", base=None, digest=NEWER, changes=None
    )
    resource.tell(report(hidden))
    assert api.send("PUT", f"/definitions/{hidden.identity}?resource={RESOURCE}").status_code == 400
    assert listed(api)["approved"] == []


def test_processes_report_side_by_side_and_forget_what_they_hold_no_longer(
    server: AuthorizationServer, api: AdminApiClient, resource: Resource
) -> None:
    other = held(NEWEST, "list_notes")
    resource.tell(report(held(), process="one"))
    resource.tell(report(other, process="two"))
    assert [each["name"] for each in listed(api)["held"]] == ["add_note", "list_notes"]
    resource.tell(report(process="one"))
    assert [each["name"] for each in listed(api)["held"]] == ["list_notes"]
    resource.tell(report(process="two", all_held=(other.identity,)))
    assert [each["name"] for each in listed(api)["held"]] == ["list_notes"]
    server.clock.advance(LISTED_FOR_S + 1)
    api = AdminApiClient.of_administrator(server)
    assert listed(api)["held"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"resource": "https://other.example/mcp"},
        {"resource": "nowhere"},
        {"resource": 1},
        {"process": "x" * 65},
        {"pinned": [{"definition": "others", "count": 1, "names": []}]},
        {"held": [{"definition": "tools"}]},
        {"held": [held().to_wire()] * (MAX_HELD + 1)},
        {"held": [{**held().to_wire(), "changes": [{"at": "", "parts": [["?", "x"]]}]}]},
        {"held": [{**held().to_wire(), "name": "\ud800"}]},
        {"all_held": [1]},
    ],
    ids=str,
)
def test_a_report_that_cannot_be_understood_is_refused_and_changes_nothing(
    resource: Resource, api: AdminApiClient, wrong: dict[str, object]
) -> None:
    document = {**json.loads(report().to_wire()), **wrong}
    answer = resource.post("/definitions", json.dumps(document).encode())
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "reported_at" not in listed(api)


def test_only_a_resource_server_reports(server: AuthorizationServer, resource: Resource) -> None:
    assert resource.post("/definitions", b"{}", auth=httpx2.BasicAuth("resource", "x")).status_code == 401
    assert resource.post("/definitions", b"{}", headers={"content-type": "text/plain"}).status_code == 400
    client = server.register(token_endpoint_auth_method="client_secret_basic")
    auth = httpx2.BasicAuth(client.client_id, client.information["client_secret"])
    assert resource.post("/definitions", b"{}", auth=auth).status_code == 403

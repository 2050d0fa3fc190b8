"""The stop switch in the console and in the admin API, on both stores (GW-5)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from auth_service.storage import keys
from shared.storage import Store
from tests.auth_service.administrator import AdminApiClient
from tests.auth_service.console import AtTheConsole
from tests.auth_service.service import AuthorizationServer, nobodys
from tests.flow import Person

pytestmark = pytest.mark.requirement("GW-5", "ID-8")

URL = "https://mcp.example/mcp"
TOOL = {"kind": "tool", "name": "delete_*", "resource": URL, "reason": "We look into it."}


@pytest.fixture
def api(server: AuthorizationServer) -> Iterator[AdminApiClient]:
    async def remove_stops(store: Store) -> None:
        await store.delete(keys.stops())

    server.with_store(remove_stops)
    yield AdminApiClient.of_administrator(server)
    server.with_store(remove_stops)


@pytest.fixture
def console(server: AuthorizationServer) -> Iterator[AtTheConsole]:
    person = Person(trust_env=False)
    yield AtTheConsole(server, person)
    person.close()


def test_everything_is_stopped_and_resumed_through_the_api(
    server: AuthorizationServer, api: AdminApiClient
) -> None:
    name = nobodys("ada")
    server.add_user(name, "password").close()
    (person,) = api.get(f"/people?q={name}")["people"]
    wanted = [
        TOOL,
        {"kind": "mount", "name": URL, "reason": ""},
        {"kind": "client", "name": "a-client", "reason": "x" * 200},
        {"kind": "software", "name": "An agent", "reason": ""},
        {"kind": "person", "name": person["subject"], "reason": ""},
    ]
    with capture_logs() as lines:
        made = [api.done("PUT", "/stops", each) for each in wanted]
        assert [api.done("PUT", "/stops", each) for each in wanted] == made, "a repetition changes nothing"
    logged = [line for line in lines if line["event"] == "administration"]
    assert {(line["action"], line["by"], line["via"]) for line in logged} == {("stopped", "wesen", "api")}
    assert [each.items() >= want.items() for each, want in zip(made, wanted, strict=True)] == [True] * len(
        wanted
    )
    assert [each.get("username") for each in made] == [None, None, None, None, name]
    assert api.get("/stops") == {"stops": sorted(made, key=lambda each: (each["at"], each["stop_id"]))}
    for each in made:
        assert api.done("DELETE", f"/stops/{each['stop_id']}") is None
        assert api.send("DELETE", f"/stops/{each['stop_id']}").status_code == 404
    assert api.get("/stops") == {"stops": []}


def test_another_reason_replaces_the_reason_of_a_stop(api: AdminApiClient) -> None:
    first = api.done("PUT", "/stops", TOOL)
    second = api.done("PUT", "/stops", {**TOOL, "reason": "It is found."})
    assert second["stop_id"] == first["stop_id"]
    assert [each["reason"] for each in api.get("/stops")["stops"]] == ["It is found."]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "program"},
        {"kind": None},
        {"kind": 1},
        {"name": ""},
        {"name": " x"},
        {"name": ["x"]},
        {"name": "a\nb"},
        {"name": "x" * 2_001},
        {"resource": "nowhere"},
        {"reason": "x" * 201},
        {"reason": "a\u202eb"},
        {"kind": "mount", "name": "nowhere"},
        {"kind": "client", "name": "c"},
        {"kind": "person", "name": "nobody", "resource": None},
        {"more": "x"},
    ],
    ids=str,
)
def test_what_cannot_be_stopped_is_refused_and_changes_nothing(
    api: AdminApiClient, wrong: dict[str, object]
) -> None:
    assert api.send("PUT", "/stops", {**TOOL, **wrong}).status_code == 400
    assert api.get("/stops") == {"stops": []}


@pytest.mark.parametrize("body", [[], "tool", None, 5])
def test_a_body_that_is_not_an_object_is_refused(api: AdminApiClient, body: object) -> None:
    assert api.send("PUT", "/stops", body).status_code == 400


def test_a_tool_and_a_person_are_stopped_and_resumed_in_the_console(
    server: AuthorizationServer, api: AdminApiClient, console: AtTheConsole
) -> None:
    name = nobodys("ada")
    server.add_user(name, "password").close()
    page = console.open("stops")
    assert "Nothing is stopped." in page.text
    form = console.form(page, "stop")
    tool = {"kind": "tool", "name": "delete_note", "url": URL, "reason": "<b>Why</b>"}
    for fields in (tool, tool, {"kind": "person", "name": name, "url": "", "reason": ""}):
        page = console.post("stops", {**form.fields, **fields, "action": "stop"})
        assert page.status_code == 200
    assert page.url.path == "/admin/stops"
    assert "&lt;b&gt;Why&lt;/b&gt;" in page.text
    stopped = {
        each.get("username", each["name"]): each.get("resource") for each in api.get("/stops")["stops"]
    }
    assert stopped == {"delete_note": URL, name: None}
    assert len(re.findall('name="stop" value=', page.text)) == 2
    for _ in range(2):
        console.press(console.open("stops"), "resume")
    assert api.get("/stops") == {"stops": []}
    assert console.press(page, "resume").status_code == 200, "an old page: it is resumed already"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "person", "name": "nobody-of-this-name"}, "There is no such account"),
        ({"kind": "mount", "name": "nowhere"}, "is not the URL of a resource"),
        ({"kind": "client", "name": "c", "url": URL}, "only a tool is stopped at one resource"),
        ({"kind": "other", "name": "c"}, "is not a valid"),
    ],
)
def test_the_console_says_why_something_cannot_be_stopped(
    api: AdminApiClient, console: AtTheConsole, fields: dict[str, str], message: str
) -> None:
    form = console.form(console.open("stops"), "stop")
    answer = console.post("stops", {**form.fields, **fields, "action": "stop"})
    assert answer.status_code == 400
    assert message.casefold() in answer.text.casefold()
    assert api.get("/stops") == {"stops": []}

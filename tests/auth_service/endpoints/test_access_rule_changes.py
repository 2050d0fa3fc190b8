"""Access rules, changed one by one through the admin API and in the console, on both stores (ID-3, ID-8)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from auth_service.storage import keys
from shared.storage import Store
from tests.auth_service.administrator import AdminApiClient
from tests.auth_service.console import AtTheConsole
from tests.auth_service.service import AuthorizationServer, nobodys
from tests.flow import Person

pytestmark = pytest.mark.requirement("ID-3", "ID-8")

URL = "https://mcp.example/mcp"


@pytest.fixture
def api(server: AuthorizationServer) -> Iterator[AdminApiClient]:
    """An administrator of a server without access rules, as the other tests need it."""

    async def remove_rules(store: Store) -> None:
        await store.delete(keys.access())

    server.with_store(remove_rules)
    yield AdminApiClient.of_administrator(server)
    server.with_store(remove_rules)


def new_rule(name: str, scopes: object = "*", **more: object) -> dict[str, object]:
    return {"person": name, "resource": URL, "scopes": scopes, "closes": True, **more}


def test_the_first_rule_is_not_created_by_mistake(server: AuthorizationServer, api: AdminApiClient) -> None:
    refused = api.send("POST", "/access/rules", new_rule("ada", closes=False))
    assert refused.status_code == 409
    assert "closes everything" in refused.json()["error_description"]
    console = AtTheConsole(server, Person(trust_env=False))
    fields = {"holder": "person", "name": "ada", "url": URL, "scopes": "*"}
    page = console.open("access")
    assert "everybody with an account may use every resource" in page.text
    form = console.form(page, "add")
    answer = console.post("access", {**form.fields, **fields, "action": "add"})
    assert "the first one closes everything" in answer.text
    assert api.get("/access") == {"open": True}
    assert api.get("/access/rules") == {"rules": []}
    api.done("POST", "/access/rules", new_rule("ada"))
    assert api.get("/access")["people"] == {"ada": {URL: "*"}}
    console.person.close()


def test_one_is_created_changed_and_removed_through_the_api(
    server: AuthorizationServer, api: AdminApiClient
) -> None:
    name = nobodys("ada")
    server.add_user(name, "password").close()
    body = new_rule(name.upper(), ["notes:read"])
    made = api.send("POST", "/access/rules", body, Idempotency_Key="r")
    rule = made.json()
    assert made.status_code == 201
    assert (rule["person"], rule["scopes"], rule["source"]) == (name, ["notes:read"], "store")
    assert api.done("POST", "/access/rules", body, Idempotency_Key="r") == rule
    assert api.done("POST", "/access/rules", body) == rule, "it exists already"
    assert api.send("POST", "/access/rules", {**body, "scopes": "*"}).status_code == 409
    path, tag = f"/access/rules/{rule['rule_id']}", made.headers["etag"]
    assert api.send("GET", path).headers["etag"] == tag
    assert api.get(f"/access/rules?q={name}")["rules"] == [rule]
    assert api.send("PUT", path, {"scopes": "*"}).status_code == 428
    for _ in range(2):
        assert api.done("PUT", path, {"scopes": ["notes:write"]}, If_Match=tag)["scopes"] == ["notes:write"]
    assert api.send("PUT", path, {"scopes": "*"}, If_Match=tag).status_code == 412
    decision = api.get(f"/access/decision?username={name}&resource={URL}")
    assert decision == {"scopes": ["notes:write"], "rules": [f"person {name} may hold notes:write at {URL}"]}
    api.done("DELETE", path)
    assert api.send("DELETE", path).status_code == 404
    assert api.send("POST", "/access/rules", body, Idempotency_Key="r").status_code == 404, "not again"
    assert api.get(f"/access/decision?username={name}&resource={URL}")["scopes"] == []


@pytest.mark.parametrize(
    "wrong",
    [{"scopes": ["no scope"]}, {"resource": "nowhere"}, {"group": "ops"}, {"person": ""}, {"rules": 1}],
    ids=["scopes", "resource", "two", "name", "unknown"],
)
def test_what_a_file_may_not_contain_is_refused(api: AdminApiClient, wrong: dict[str, object]) -> None:
    assert api.send("POST", "/access/rules", {**new_rule("ada"), **wrong}).status_code == 400


def test_one_is_created_changed_and_removed_in_the_console(
    server: AuthorizationServer, api: AdminApiClient
) -> None:
    with capture_logs() as lines:
        change_one_in_the_console(server)
    logged = [line["action"] for line in lines if line["event"] == "administration" and line["by"] == "wesen"]
    assert logged == [f"access rule {action}" for action in ("added", "changed", "removed")]


def change_one_in_the_console(server: AuthorizationServer) -> None:
    name = nobodys("ada")
    server.add_user(name, "password").close()
    console = AtTheConsole(server, Person(trust_env=False))
    page = console.open("access")
    fields = {"holder": "person", "name": name, "url": URL, "scopes": "notes:read notes:write"}
    fields["closes"] = "yes"
    form = console.form(page, "add")
    page = console.post("access", {**form.fields, **fields, "action": "add"})
    assert page.url.path == "/admin/access-rule"
    own = f"access-rule?{page.url.query.decode()}"
    stale = console.form(page, "edit")
    edited = console.post("access-rule", {**stale.fields, "scopes": "*", "action": "edit"})
    assert edited.status_code == 200
    lost = console.post("access-rule", {**stale.fields, "scopes": "notes:read", "action": "edit"})
    assert lost.status_code == 409
    decision = console.open(f"access?person={name}&url={URL}")
    assert "with every scope" in decision.text
    confirm = console.open(f"{own}&confirm=remove")
    console.press(confirm, "remove")
    assert "no rule grants it" in console.open(f"access?person={name}&url={URL}").text
    assert console.open(own).status_code == 404
    console.person.close()


def test_the_contact_is_changed_in_the_console(server: AuthorizationServer, api: AdminApiClient) -> None:
    api.done("POST", "/access/rules", new_rule("ada"))
    console = AtTheConsole(server, Person(trust_env=False))
    form = console.form(console.open("access"), "contact")
    console.post("access", {**form.fields, "contact": "it@corp.example", "action": "contact"})
    assert api.get("/access")["contact"] == "it@corp.example"
    console.person.close()

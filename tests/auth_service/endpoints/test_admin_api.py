"""The admin API, over HTTP, on both stores (ID-8)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.auth_service.administrator import AdminApiClient, admin_tool
from tests.auth_service.service import AuthorizationServer, nobodys
from tests.flow import Person, Pkce

pytestmark = pytest.mark.requirement("ID-8")

STRONG = "seven moss harbours"
OTHER = "nine quiet lanterns"
WEB = ["https://client.example/cb"]
METADATA = {
    "client_name": "Nightly",
    "grant_types": ["client_credentials"],
    "scope": "notes:read",
    "token_endpoint_auth_method": "client_secret_post",
}


@pytest.fixture
def api(server: AuthorizationServer) -> AdminApiClient:
    return AdminApiClient.of_administrator(server)


def created(api: AdminApiClient, **members: Any) -> dict[str, Any]:
    person: dict[str, Any] = api.done("POST", "/people", {"username": nobodys("ada"), **members})
    return person


def opened(server: AuthorizationServer, person: dict[str, Any]) -> Person:
    return Person(person["username"], STRONG, trust_env=False)


def test_a_client_finds_the_authorization_server_and_the_scope(server: AuthorizationServer) -> None:
    refused = server.get("/admin/api")
    assert refused.status_code == 401
    match = re.search(
        r'resource_metadata="([^"]+)", scope="doorward:admin"', refused.headers["www-authenticate"]
    )
    assert match
    metadata = server.http.get(match.group(1)).json()
    assert metadata["resource"] == f"{server.issuer}/admin/api"
    assert metadata["authorization_servers"] == [server.issuer]
    assert metadata["scopes_supported"] == ["doorward:admin"]


def test_it_acts_for_an_administrator_or_for_the_client_itself(server: AuthorizationServer) -> None:
    of_person, of_worker = AdminApiClient.of_administrator(server), AdminApiClient.of_worker(server)
    assert of_person.get("")["username"] == "wesen"
    assert "username" not in of_worker.get("")
    assert of_worker.get("/people")["people"]


class TestPeople:
    def test_one_is_created_read_changed_disabled_enabled_and_deleted(
        self, server: AuthorizationServer, api: AdminApiClient
    ) -> None:
        person = created(api, name="Ada", password=STRONG)
        path, browser = f"/people/{person['subject']}", opened(server, person)
        assert "link" not in person
        assert browser.log_in(browser.open(f"{server.origin}/login")).url.path == "/account"
        tokens = server.register().connect(browser)
        new = nobodys("king")
        changed = api.done("PATCH", path, {"username": new, "name": None, "email": f"{new}@corp.example"})
        assert (changed["username"], changed.get("name")) == (new, None)
        assert api.done("PATCH", path, {"username": new})["username"] == new, "again, without effect"
        assert api.done("PATCH", path, {"disabled": True})["disabled"]
        assert not server.is_active(tokens["access_token"])
        assert not api.done("PATCH", path, {"disabled": False})["disabled"]
        assert api.get(path)["email"] == f"{new}@corp.example"
        api.done("DELETE", path)
        assert api.send("GET", path).status_code == 404
        browser.close()

    def test_a_repeated_creation_is_the_same_account_with_the_same_link(self, api: AdminApiClient) -> None:
        body = {"username": nobodys("eve"), "email": f"{nobodys('eve')}@corp.example"}
        first = api.done("POST", "/people", body, Idempotency_Key="a")
        assert first["link"].startswith(f"{api.server.issuer}/set-password?link=")
        assert api.done("POST", "/people", body, Idempotency_Key="a") == first
        assert api.send("POST", "/people", body, Idempotency_Key="b").status_code == 409
        api.done("DELETE", f"/people/{first['subject']}")
        again = api.send("POST", "/people", body, Idempotency_Key="a")
        assert again.status_code == 409, "a subject is never given again"
        assert again.json()["error"] == "conflict"

    def test_a_repeated_creation_undoes_no_later_change(self, api: AdminApiClient) -> None:
        name = nobodys("eve")
        body = {"username": name, "email": f"{name}@corp.example", "password": STRONG, "administrator": True}
        path = f"/people/{api.done('POST', '/people', body, Idempotency_Key='a')['subject']}"
        api.done("PATCH", path, {"administrator": False, "email": None})
        again = api.done("POST", "/people", body, Idempotency_Key="a")
        assert not again["administrator"]
        assert "email" not in again

    @pytest.mark.parametrize("invited", [True, False])
    def test_a_repetition_brings_no_replaced_link_back(self, api: AdminApiClient, invited: bool) -> None:
        body = {"username": nobodys("eve"), **({} if invited else {"password": STRONG})}
        person = api.done("POST", "/people", body, Idempotency_Key="a")
        links = f"/people/{person['subject']}/links"
        first, key = (("/people", body), "a") if invited else ((links, {}), "x")
        api.done("POST", *first, Idempotency_Key=key)
        second = api.done("POST", links, {}, Idempotency_Key="y")
        assert api.send("POST", *first, Idempotency_Key=key).json()["error"] == "conflict"
        assert api.done("POST", links, {}, Idempotency_Key="y") == second

    def test_a_repetition_brings_no_used_link_back(self, api: AdminApiClient) -> None:
        person = created(api, password=STRONG)
        links = f"/people/{person['subject']}/links"
        link = api.done("POST", links, {}, Idempotency_Key="x")["link"]
        browser = Person(trust_env=False)
        fields: dict[str, str | None] = {"new_password": OTHER, "new_password_again": OTHER}
        assert "Password set" in browser.submit(browser.open(link), fields).text
        assert api.send("POST", links, {}, Idempotency_Key="x").json()["error"] == "conflict"
        assert browser.open(link).status_code == 404
        browser.close()

    def test_an_administrator_is_made_and_unmade_but_not_by_themselves(
        self, server: AuthorizationServer, api: AdminApiClient
    ) -> None:
        person = created(api, password=STRONG, administrator=True)
        assert person["administrator"]
        path = f"/people/{person['subject']}"
        assert not api.done("PATCH", path, {"administrator": False})["administrator"]
        own = f"/people/{server.subject_of('wesen')}"
        for method, body in (
            ("PATCH", {"administrator": False}),
            ("PATCH", {"disabled": True}),
            ("DELETE", None),
        ):
            assert api.send(method, own, body).json()["reason_code"] == "cannot_disable_yourself"

    def test_a_link_sets_a_new_password_and_ends_the_sessions(
        self, server: AuthorizationServer, api: AdminApiClient
    ) -> None:
        person = created(api, password=STRONG)
        browser = opened(server, person)
        browser.log_in(browser.open(f"{server.origin}/login"))
        path = f"/people/{person['subject']}"
        assert len(api.get(f"{path}/sessions")["sessions"]) == 1
        link = api.done("POST", f"{path}/links", {"hours": 2}, Idempotency_Key="x")
        assert link == api.done("POST", f"{path}/links", {"hours": 2}, Idempotency_Key="x")
        assert link["expires_in"] == 7_200
        assert api.get(f"{path}/sessions")["sessions"] == []
        assert browser.open(link["link"]).url.path == "/set-password"
        api.done("DELETE", f"{path}/second-factors")
        browser.close()

    def test_a_lock_leaves_only_the_link(self, server: AuthorizationServer, api: AdminApiClient) -> None:
        person = created(api, password=STRONG)
        browser, path = opened(server, person), f"/people/{person['subject']}"
        tokens = server.register().connect(browser)
        own = f"/people/{server.subject_of('wesen')}/links"
        assert api.send("POST", own, {"lock": True}).json()["reason_code"] == "cannot_disable_yourself"
        link = api.done("POST", f"{path}/links", {"lock": True}, Idempotency_Key="x")
        assert api.done("POST", f"{path}/links", {"lock": True}, Idempotency_Key="x") == link
        assert not server.is_active(tokens["access_token"])
        page = browser.log_in(browser.open(f"{server.origin}/login"))
        assert page.url.path == "/login", "the password no longer works"
        fields: dict[str, str | None] = {"new_password": OTHER, "new_password_again": OTHER}
        assert "Password set" in browser.submit(browser.open(link["link"]), fields).text
        browser.close()

    def test_grants_and_sessions_are_listed_and_ended(
        self, server: AuthorizationServer, api: AdminApiClient
    ) -> None:
        person = created(api, password=STRONG)
        browser, path = opened(server, person), f"/people/{person['subject']}"
        first, second = (server.register().connect(browser) for _ in range(2))
        grants = api.get(f"{path}/grants")["grants"]
        assert [grant["resource"] for grant in grants] == ["https://mcp.example/mcp"] * 2
        one, other = (server.introspect(t["access_token"])["grant_id"] for t in (first, second))
        api.done("DELETE", f"{path}/grants/{one}")
        assert [server.is_active(t["access_token"]) for t in (first, second)] == [False, True]
        theirs = f"/people/{server.subject_of('wesen')}/grants/{other}"
        assert api.send("DELETE", theirs).status_code == 404, "it is another person's"
        api.done("DELETE", f"{path}/grants")
        assert not server.is_active(second["access_token"])
        (session,) = api.get(f"{path}/sessions")["sessions"]
        api.done("DELETE", f"{path}/sessions/{session['session_id']}")
        assert api.send("DELETE", f"{path}/sessions/{session['session_id']}").status_code == 404
        api.done("DELETE", f"{path}/sessions")
        assert browser.open(f"{server.origin}/account").url.path == "/login"
        browser.close()

    def test_a_list_continues_where_it_stopped_whatever_came_or_went(self, api: AdminApiClient) -> None:
        mark = nobodys("many")
        people = [created(api, username=f"{mark}-{number}") for number in range(4)]
        first = api.get(f"/people?q={mark}&limit=2")
        assert [p["username"] for p in first["people"]] == [f"{mark}-0", f"{mark}-1"]
        api.done("DELETE", f"/people/{people[0]['subject']}")
        rest = api.get(f"/people?q={mark}&limit=2&after={first['next']}")
        assert [p["username"] for p in rest["people"]] == [f"{mark}-2", f"{mark}-3"]
        assert "next" not in rest
        by_subject = api.get(f"/people?q={people[1]['subject']}")
        assert [p["username"] for p in by_subject["people"]] == [f"{mark}-1"]


class TestAccess:
    def test_a_group_is_replaced_only_in_the_version_that_was_read(self, api: AdminApiClient) -> None:
        path = f"/groups/{nobodys('ops')}"
        assert api.send("PUT", path, {"members": ["ada"]}).status_code == 428
        empty = api.send("GET", path).headers["etag"]
        full = api.send("PUT", path, {"members": ["ada", "EVE@corp.example"]}, If_Match=empty)
        assert full.json() == {"members": ["ada", "eve@corp.example"]}
        assert api.send("PUT", path, {"members": ["bob"]}, If_Match=empty).status_code == 412
        again = api.send("PUT", path, {"members": ["ada", "eve@corp.example"]}, If_Match=empty)
        assert again.status_code == 200, "a repetition"
        for _ in range(2):
            api.done("PUT", f"{path}/members/bob")
        assert api.get(path)["members"] == ["ada", "bob", "eve@corp.example"]
        api.done("DELETE", f"{path}/members/bob")
        assert api.send("DELETE", f"{path}/members/bob").status_code == 404
        last = api.send("GET", path).headers["etag"]
        assert path.removeprefix("/groups/") in api.get("/groups?limit=200")["groups"]
        assert api.done("PUT", path, {"members": []}, If_Match=last) == {"members": []}

    def test_rules_are_replaced_only_in_the_version_that_was_read(self, api: AdminApiClient) -> None:
        before = api.send("GET", "/access")
        assert before.json() == {"open": True}
        rules = {
            "contact": "it@corp.example",
            "groups": {"administrators": {"*": "*"}},
            "people": {"*": {"*": "*"}},
        }
        assert api.send("PUT", "/access", {"peple": {}}, If_Match='"0"').status_code == 400
        after = api.send("PUT", "/access", rules, If_Match=before.headers["etag"])
        assert after.json() == rules
        assert api.send("PUT", "/access", rules, If_Match=before.headers["etag"]).status_code == 200
        closed = {**rules, "people": {}}
        assert api.send("PUT", "/access", closed, If_Match=before.headers["etag"]).status_code == 412
        assert api.get("/access") == rules


class TestClients:
    def token(self, api: AdminApiClient, client_id: str, secret: str) -> int:
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        return api.server.post("/token", **form).status_code

    def test_one_is_created_edited_disabled_enabled_and_deleted(self, api: AdminApiClient) -> None:
        body = {"metadata": METADATA}
        made = api.send("POST", "/clients", body, Idempotency_Key="k")
        client = made.json()
        assert client["operators"]
        assert api.done("POST", "/clients", body, Idempotency_Key="k") == client
        client_id, secret = client["client_id"], client["client_secret"]
        path = f"/clients/{client['path']}"
        assert self.token(api, client_id, secret) == 200
        renamed = {"metadata": {**METADATA, "client_name": "Daily"}}
        assert api.send("PUT", path, renamed).status_code == 428
        edited = api.send("PUT", path, renamed, If_Match=made.headers["etag"])
        assert edited.json()["metadata"]["client_name"] == "Daily"
        assert api.send("PUT", path, body, If_Match=made.headers["etag"]).status_code == 412
        assert api.done("PATCH", path, {"disabled": True})["disabled"]
        assert self.token(api, client_id, secret) == 400
        assert not api.done("PATCH", path, {"disabled": False})["disabled"]
        assert self.token(api, client_id, secret) == 200
        assert [c["client_id"] for c in api.get(f"/clients?q={client_id}")["clients"]] == [client_id]
        api.done("DELETE", path)
        assert api.send("DELETE", path).status_code == 404
        assert api.send("POST", "/clients", body, Idempotency_Key="k").status_code == 409

    def test_a_secret_is_rotated_with_an_overlap_and_a_repetition_never_brings_it_back(
        self, api: AdminApiClient
    ) -> None:
        client = api.done("POST", "/clients", {"metadata": METADATA})
        client_id, path = client["client_id"], f"/clients/{client['path']}/secrets"
        first = api.done("POST", path, Idempotency_Key="1")
        assert first == api.done("POST", path, Idempotency_Key="1")
        assert self.token(api, client_id, client["client_secret"]) == 200
        second = api.done("POST", path, Idempotency_Key="2")
        assert self.token(api, client_id, client["client_secret"]) == 401, "the one before the previous"
        assert self.token(api, client_id, first["client_secret"]) == 200
        assert api.send("POST", path, Idempotency_Key="1").status_code == 409
        assert self.token(api, client_id, second["client_secret"]) == 200

    def test_a_client_that_registered_itself_is_disabled_but_not_edited(
        self, server: AuthorizationServer, api: AdminApiClient
    ) -> None:
        client = server.register(redirect_uris=WEB)
        path = f"/clients/{client.client_id}"
        read = api.send("GET", path)
        assert not read.json()["operators"]
        edit = api.send("PUT", path, {"metadata": METADATA}, If_Match=read.headers["etag"])
        assert edit.status_code == 409
        assert api.done("PATCH", path, {"disabled": True})["disabled"]


def test_what_is_done_is_logged_with_who_did_it(api: AdminApiClient) -> None:
    with capture_logs() as lines:
        person = created(api)
        api.done("DELETE", f"/people/{person['subject']}")
    logged = [line for line in lines if line["event"] == "administration"]
    assert [(line["action"], line["by"], line["via"]) for line in logged] == [
        ("user invited", "wesen", "api"),
        ("user deleted", "wesen", "api"),
    ]


def test_the_consent_page_says_what_the_scope_gives(server: AuthorizationServer) -> None:
    url = admin_tool(server).authorization_url(
        Pkce(), resource=f"{server.issuer}/admin/api", scope="doorward:admin"
    )
    page = server.person.open(url)
    page = server.person.log_in(page) if page.url.path == "/login" else page
    assert page.url.path == "/consent"
    assert "control of this server" in page.text
    assert "Administer this server" in page.text

"""The admin API refuses everybody without its scope and administration (ID-8, SEC-13)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from auth_service.grants.repository import GrantRepository
from auth_service.protocol.admin_access import SCOPE, may_administer
from auth_service.protocol.client import Client
from auth_service.users.sessions import Session
from shared.storage.interface import Store
from tests.auth_service.administrator import (
    AdminApiClient,
    admin_tool,
    admin_worker,
    worker_token,
)
from tests.auth_service.keypair import KeyPair
from tests.auth_service.service import RESOURCE, AuthorizationServer, nobodys, running
from tests.flow import Person, Pkce
from tests.stores import ON_ONE_STORE

pytestmark = pytest.mark.requirement("ID-8", "SEC-13")

STRONG = "seven moss harbours"


@pytest.fixture
def ada(server: AuthorizationServer) -> Iterator[Person]:
    """Somebody who is not an administrator."""
    person = server.add_user(nobodys("ada"), STRONG)
    yield person
    person.close()


def promote(server: AuthorizationServer, person: Person) -> None:
    server.with_account(person.username, lambda accounts, user: accounts.connected.promote(user))


def demote(server: AuthorizationServer, person: Person) -> None:
    server.with_account(person.username, lambda accounts, user: accounts.demote(user))


def refusal(
    api: AdminApiClient, method: str = "GET", path: str = "/people", **headers: str
) -> tuple[int, str]:
    response = api.send(method, path, **headers)
    return response.status_code, response.json()["error"]


def resource(server: AuthorizationServer) -> str:
    return f"{server.issuer}/admin/api"


def test_nobody_but_an_administrator_can_consent_to_the_scope(
    server: AuthorizationServer, ada: Person
) -> None:
    url = admin_tool(server).authorization_url(Pkce(), resource=resource(server), scope=SCOPE)
    page = ada.open(url)
    page = ada.log_in(page) if page.url.path == "/login" else page
    assert page.status_code == 403
    assert "consent" not in str(page.url)


@pytest.mark.parametrize("scope", [SCOPE, f"notes:read {SCOPE}", f"openid {SCOPE}"])
def test_the_scope_is_of_no_other_resource(server: AuthorizationServer, scope: str) -> None:
    tokens = admin_tool(server).connect(server.person, resource=RESOURCE, scope=scope)
    assert SCOPE not in tokens["scope"].split()
    assert refusal(AdminApiClient(server, tokens["access_token"])) == (401, "invalid_token")


def test_no_client_gets_it_that_registered_itself(server: AuthorizationServer) -> None:
    client = server.register(scope=SCOPE)
    answer = server.person.authorize(client.authorization_url(Pkce(), resource=resource(server), scope=SCOPE))
    assert answer["error"] == "invalid_target"
    device = server.register(grant_types=["urn:ietf:params:oauth:grant-type:device_code"], scope=SCOPE)
    response = server.post(
        "/device_authorization", client_id=device.client_id, resource=resource(server), scope=SCOPE
    )
    assert response.json()["error"] == "invalid_target"
    worker = server.register(
        grant_types=["client_credentials"], token_endpoint_auth_method="client_secret_post", scope=SCOPE
    )
    assert worker_token(server, worker).json()["error"] == "invalid_target"


@pytest.mark.parametrize("scope", [None, "notes:read", f"{SCOPE}x"])
def test_the_operator_must_have_created_the_client_with_the_scope(
    server: AuthorizationServer, scope: str | None
) -> None:
    worker = admin_worker(server, scope=scope)
    assert worker_token(server, worker, scope=SCOPE).json()["error"] == "invalid_target"


def test_only_a_client_of_the_operator_may_be_granted_it() -> None:
    operators = Client(client_id="c", created_at=0, metadata={"scope": f"notes:read {SCOPE}"})
    assert may_administer(operators)
    others: tuple[dict[str, Any], ...] = (
        {"expires_at": 10},
        {"fresh_until": 10},
        {"disabled": True},
        {"metadata": {}},
        {"metadata": {"scope": "\u00fc"}},
    )
    for other in others:
        members: dict[str, Any] = {"client_id": "c", "created_at": 0, "metadata": operators.metadata, **other}
        assert not may_administer(Client(**members)), other


def test_a_token_without_the_scope_is_not_enough(server: AuthorizationServer) -> None:
    worker = admin_worker(server, scope=f"{SCOPE} notes:read")
    token = worker_token(server, worker, scope="notes:read").json()["access_token"]
    assert refusal(AdminApiClient(server, token)) == (403, "insufficient_scope")


def test_an_administrator_who_is_demoted_or_disabled_is_refused_at_once(
    server: AuthorizationServer, ada: Person
) -> None:
    promote(server, ada)
    api = AdminApiClient.of_administrator(server, ada)
    assert api.get("")["username"] == ada.username
    demote(server, ada)
    assert refusal(api) == (401, "invalid_token")
    promote(server, ada)
    assert api.get("")
    server.disable_user(ada.username)
    assert refusal(api) == (401, "invalid_token")


def test_a_demoted_administrator_gets_no_new_token(server: AuthorizationServer, ada: Person) -> None:
    promote(server, ada)
    client = admin_tool(server)
    tokens = client.connect(ada, resource=resource(server), scope=SCOPE)
    demote(server, ada)
    assert client.refresh(tokens["refresh_token"]).status_code == 400


def test_a_client_that_is_disabled_or_deleted_is_refused_at_once(server: AuthorizationServer) -> None:
    administrator = AdminApiClient.of_administrator(server)
    for method, body in (("PATCH", {"disabled": True}), ("DELETE", None)):
        api = AdminApiClient.of_worker(server)
        client_id = api.get("")["client_id"]
        administrator.done(method, f"/clients/{client_id}", body)
        assert refusal(api) == (401, "invalid_token")


def test_what_is_dangerous_needs_a_new_login(new_store: Callable[[], str]) -> None:
    with running(new_store(), access_ttl_s=3_600) as server:
        api, worker = AdminApiClient.of_administrator(server), AdminApiClient.of_worker(server)
        subject = server.subject_of("wesen")
        server.clock.advance(601)
        for method, path, body in (
            ("DELETE", f"/people/{subject}", None),
            ("PATCH", f"/people/{subject}", {"email": "a@b.example"}),
            ("PATCH", f"/people/{subject}", {"administrator": True}),
            ("PATCH", f"/people/{subject}", {"username": "x"}),
            ("PATCH", f"/people/{subject}", {"disabled": False}),
            ("POST", "/people", {"username": "x"}),
            ("POST", "/people", {"username": "x", "administrator": True}),
            ("POST", f"/people/{subject}/links", {}),
            ("DELETE", f"/people/{subject}/second-factors", None),
            ("PUT", "/access", {}),
            ("POST", "/access/rules", {}),
            ("PUT", "/access/rules/x", {}),
            ("PUT", "/groups/ops", {"members": []}),
            ("PUT", "/groups/ops/members/ada", None),
            ("POST", "/clients", {"metadata": {}}),
            ("PUT", "/clients/x", {"metadata": {}}),
            ("PATCH", "/clients/x", {"disabled": False}),
            ("POST", "/clients/x/secrets", None),
            ("DELETE", "/clients/x", None),
        ):
            for caller in (api, worker):
                response = caller.send(method, path, body)
                assert response.json()["error"] == "insufficient_user_authentication", (method, path)
                challenge = response.headers["www-authenticate"]
                assert 'max_age="600"' in challenge
                assert "resource_metadata=" in challenge
        assert api.get("/people"), "what is not dangerous goes on"


def test_a_login_of_unknown_age_is_not_recent(server: AuthorizationServer) -> None:
    session = Session(
        session_id="s", subject="x", username="x", auth_time=1, expires_at=2, auth_time_known=False
    )
    assert not session.owner.auth_time_known
    api = AdminApiClient.of_administrator(server)
    subject = server.subject_of("wesen")

    async def forget_time(store: Store) -> None:
        grants = GrantRepository(store, server.clock)
        for grant in await grants.of_subject(subject):
            await grants.change(grant.grant_id, lambda g: (replace(g, auth_time_known=False), None))

    server.with_store(forget_time)
    assert api.get("/people")
    response = api.send("PATCH", f"/people/{subject}", {"username": "x"})
    assert response.json()["error"] == "insufficient_user_authentication"


def test_a_login_without_the_second_factor_that_administrators_need_is_not_enough(
    new_store: Callable[[], str],
) -> None:
    store = new_store()
    with running(store) as server:
        token = AdminApiClient.of_administrator(server).token
        port = int(server.origin.rpartition(":")[2])
    with running(store, port=port, second_factor={"people": "administrators"}) as server:
        response = AdminApiClient(server, token).send("GET", "/people")
        assert response.json()["error"] == "insufficient_user_authentication"
        assert 'acr_values="' in response.headers["www-authenticate"]
        assert AdminApiClient.of_worker(server).get("/people"), "a client has no second factor"


def test_no_cookie_and_no_parameter_is_read(server: AuthorizationServer) -> None:
    api = AdminApiClient.of_administrator(server)
    browser = server.person.browser
    assert browser.get(f"{server.origin}/admin/people").status_code == 200, "logged in to the console"
    assert browser.get(f"{server.origin}/admin/api/people").status_code == 401
    assert server.get(f"/admin/api/people?access_token={api.token}").status_code == 401


def test_no_page_of_another_site_may_read_an_answer_and_none_is_cached(server: AuthorizationServer) -> None:
    api = AdminApiClient.of_administrator(server)
    for path in ("", "/people", "/clients", "/groups", "/access", "/people/nobody"):
        response = api.send("GET", path, Origin="https://evil.example")
        assert response.headers["cache-control"] == "no-store", path
        assert "access-control-allow-origin" not in response.headers


class TestTokensBoundToAKey:
    """A token bound to a key (RFC 9449) is of no use to somebody who has only the token."""

    def bound(self, server: AuthorizationServer, pair: KeyPair) -> tuple[AdminApiClient, str]:
        """A client with a token that is bound to the key, and the nonce of the server."""
        worker, url = admin_worker(server), f"{server.issuer}/token"
        form = {
            "grant_type": "client_credentials",
            "client_id": worker.client_id,
            "client_secret": worker.information["client_secret"],
            "resource": resource(server),
        }
        nonce: str | None = None
        for _ in range(2):  # the first response has the nonce
            headers = {"DPoP": pair.proof("POST", url, now=server.clock(), nonce=nonce)}
            response = server.http.post(f"{server.origin}/token", data=form, headers=headers)
            nonce = response.headers.get("dpop-nonce", nonce)
        assert response.json()["token_type"] == "DPoP", response.text
        assert nonce
        return AdminApiClient(server, response.json()["access_token"]), nonce

    def headers(self, api: AdminApiClient, pair: KeyPair, nonce: str, **changes: Any) -> dict[str, str]:
        url = f"{api.server.issuer}/admin/api/people"
        usual = {"now": api.server.clock(), "nonce": nonce, "access_token": api.token}
        proof = pair.proof("GET", url, **{**usual, **changes})
        return {"Authorization": f"DPoP {api.token}", "DPoP": proof}

    def test_the_holder_of_the_key_is_admitted_once_a_proof(self, server: AuthorizationServer) -> None:
        pair = KeyPair()
        api, nonce = self.bound(server, pair)
        headers = self.headers(api, pair, nonce)
        assert api.send("GET", "/people", **headers).status_code == 200
        assert refusal(api, **headers) == (401, "invalid_dpop_proof"), "the same proof again"

    def test_a_thief_is_refused(self, server: AuthorizationServer) -> None:
        pair = KeyPair()
        api, nonce = self.bound(server, pair)
        assert refusal(api)[0] == 401, "as a bearer token"
        assert refusal(api, Authorization=f"DPoP {api.token}")[0] == 401, "without a proof"
        assert refusal(api, **self.headers(api, KeyPair(), nonce)) == (401, "invalid_token")
        other = AdminApiClient.of_worker(server).token
        for changes in ({"access_token": other}, {"now": server.clock() - 3_600}):
            refused = refusal(api, **self.headers(api, pair, nonce, **changes))
            assert refused == (401, "invalid_dpop_proof"), changes
        wrong_path = api.send("GET", "/clients", **self.headers(api, pair, nonce))
        assert wrong_path.status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/people", {"username": 1}),
        ("POST", "/people", {"username": ""}),
        ("POST", "/people", {"username": "a", "extra": 1}),
        ("POST", "/people", {"username": "a" * 5_000}),
        ("POST", "/people", {"username": "ok", "name": "a\nb"}),
        ("POST", "/people", {"username": "ok", "password": "x"}),
        ("POST", "/people", {"username": "ok", "hours": 0}),
        ("POST", "/people", []),
        ("POST", "/clients", {"metadata": {"grant_types": ["nope"]}}),
        ("POST", "/clients", {"metadata": {"redirect_uris": ["javascript:x"]}}),
        ("POST", "/clients", {"client_id": "a/b", "metadata": {"grant_types": []}}),
        ("GET", "/people?limit=0", None),
        ("GET", "/people?limit=201", None),
        ("GET", "/people?after=%00", None),
        ("GET", "/people?after=W1tdXQ", None),
        ("GET", "/clients?after=WyJhIl0", None),
        ("GET", "/people?q=a&q=b", None),
        ("GET", "/clients/~%C3%BC", None),
        ("PUT", "/groups/a%20b/members/ada", None),
        ("PUT", "/groups/administrators/members/ada", None),
        ("PUT", "/groups/ops/members/%20", None),
    ],
)
@ON_ONE_STORE
def test_what_makes_no_sense_is_refused(
    server: AuthorizationServer, method: str, path: str, body: object
) -> None:
    assert refusal_of(AdminApiClient.of_worker(server), method, path, body) == 400


def refusal_of(api: AdminApiClient, method: str, path: str, body: object) -> int:
    return api.send(method, path, body).status_code


def test_a_creation_that_could_not_be_repeated_is_refused(server: AuthorizationServer) -> None:
    api = AdminApiClient.of_worker(server)
    for key in ("", "a" * 201):
        response = api.send("POST", "/people", {"username": "a"}, Idempotency_Key=key)
        assert response.json()["reason_code"] == "idempotency_key_missing"

"""Properties of all responses: CORS, OPTIONS, HEAD, JSON errors, caching, headers of pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.auth_service.service import RESOURCE_SECRET, AuthorizationServer, elsewhere
from tests.flow import Person, Pkce
from tests.stores import ON_ONE_STORE

FOR_BROWSERS = {
    "/.well-known/oauth-authorization-server": "GET",
    "/.well-known/openid-configuration": "GET",
    "/jwks": "GET",
    "/register": "POST",
    "/register/some-client": "GET",
    "/token": "POST",
    "/revoke": "POST",
    "/userinfo": "GET",
}
ORIGIN = "https://inspector.example"


@pytest.mark.requirement("AS-22")
@pytest.mark.parametrize("path", FOR_BROWSERS)
@ON_ONE_STORE
def test_a_preflight_is_answered_without_a_token(server: AuthorizationServer, path: str) -> None:
    headers = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": FOR_BROWSERS[path],
        "Access-Control-Request-Headers": "authorization, content-type, mcp-protocol-version",
    }
    response = server.http.options(f"{server.origin}{path}", headers=headers)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["access-control-allow-origin"] == "*"
    assert FOR_BROWSERS[path] in response.headers["access-control-allow-methods"]
    assert "authorization" in response.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in response.headers


@pytest.mark.requirement("AS-22")
@pytest.mark.parametrize("path", FOR_BROWSERS)
@ON_ONE_STORE
def test_an_answer_and_an_error_can_be_read_by_a_page_of_another_origin(
    server: AuthorizationServer, path: str
) -> None:
    response = server.http.request(FOR_BROWSERS[path], f"{server.origin}{path}", headers={"Origin": ORIGIN})
    assert response.headers["access-control-allow-origin"] == "*"
    assert "WWW-Authenticate" in response.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in response.headers


@pytest.mark.requirement("AS-22", "SEC-16")
@pytest.mark.parametrize("path", ["/authorize", "/login", "/consent", "/account", "/introspect"])
def test_pages_and_what_is_for_servers_are_closed_to_other_origins(
    server: AuthorizationServer, path: str
) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        response = server.http.request(method, f"{server.origin}{path}", headers={"Origin": ORIGIN})
        assert "access-control-allow-origin" not in response.headers
        assert response.status_code < 500


@pytest.mark.requirement("AS-22", "SEC-17")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/nowhere", 404),
        ("GET", "/token/", 404),
        ("POST", "/token/", 404),
        ("GET", "//token", 404),
        ("GET", "/TOKEN", 404),
        ("GET", "/register/a/b", 404),
        ("GET", "/static/../main.py", 404),
        ("GET", "/static/%2e%2e/main.py", 404),
        ("GET", "/static/..%2fmain.py", 404),
        ("GET", "/static/%00", 404),
        ("GET", "/static/", 404),
        ("GET", "/static", 404),
        ("GET", "/.well-known/", 404),
        ("GET", "/.well-known/oauth-authorization-server/x", 404),
        ("GET", "/token", 405),
        ("PUT", "/token", 405),
        ("DELETE", "/token", 405),
        ("GET", "/register", 405),
        ("GET", "/revoke", 405),
        ("GET", "/introspect", 405),
        ("POST", "/jwks", 405),
        ("POST", "/.well-known/openid-configuration", 405),
        ("POST", "/register/x", 405),
        ("PATCH", "/register/x", 405),
        ("DELETE", "/userinfo", 405),
        ("PUT", "/authorize", 405),
        ("DELETE", "/login", 405),
        ("POST", "/static/doorward.css", 405),
    ],
)
@ON_ONE_STORE
def test_an_unknown_path_is_reported_as_json(
    server: AuthorizationServer, method: str, path: str, status: int
) -> None:
    response = server.http.request(method, httpx2.URL(server.origin).copy_with(raw_path=path.encode()))
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert response.json().keys() == {"error", "error_description", "reason_code", "request_id"}
    assert response.json()["error"] == ("not_found" if status == 404 else "method_not_allowed")
    assert status == 404 or response.headers["allow"]


@pytest.mark.parametrize(
    "path", ["/jwks", "/login", "/health", "/.well-known/openid-configuration", "/userinfo", "/account"]
)
def test_head_is_get_without_a_body(server: AuthorizationServer, path: str) -> None:
    response, head = server.get(path), server.http.head(f"{server.origin}{path}")
    assert head.status_code == response.status_code
    assert head.content == b""
    assert head.headers["content-type"] == response.headers["content-type"] if response.content else True


def nulls(value: Any) -> bool:
    """Whether there is a null anywhere in a JSON value."""
    if isinstance(value, dict):
        return any(nulls(member) for member in value.values())
    if isinstance(value, list):
        return any(nulls(member) for member in value)
    return value is None


@pytest.mark.requirement("AS-22")
def test_no_answer_holds_a_null(server: AuthorizationServer) -> None:
    client = server.register(token_endpoint_auth_method="client_secret_basic", client_name=None)
    tokens = server.connect(client, scope="openid profile notes:read")
    own = {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_basic"}
    machine = server.register(**own, redirect_uris=[]).token(grant_type="client_credentials").json()
    answers = [
        client.information,
        tokens,
        machine,
        client.refresh(tokens["refresh_token"]).json(),
        server.introspect(tokens["access_token"]),
        server.introspect(machine["access_token"]),
        server.introspect("x"),
        client.introspect(tokens["refresh_token"]).json(),
        server.get("/userinfo", Authorization=f"Bearer {tokens['access_token']}").json(),
        *(server.get(path).json() for path in FOR_BROWSERS if "known" in path or path == "/jwks"),
        server.post("/token").json(),
        server.post("/revoke").json(),
        server.get("/health").json(),
        server.get("/nowhere").json(),
    ]
    assert [answer for answer in answers if nulls(answer)] == []


@pytest.mark.requirement("AS-22")
def test_what_holds_a_secret_is_never_cached(server: AuthorizationServer) -> None:
    client = server.register()
    posted = [
        server.http.post(f"{server.origin}/register", json={"redirect_uris": ["https://c.example/"]}),
        server.post("/token"),
        server.post("/revoke"),
        server.post("/introspect"),
        server.get("/userinfo"),
        server.get("/login"),
        server.http.get(client.authorization_url(Pkce())),
        server.http.get(client.authorization_url(Pkce(), prompt="none")),
        server.http.get(f"{server.origin}/authorize"),
    ]
    assert {response.headers["cache-control"] for response in posted} == {"no-store"}


@pytest.fixture
def person(server: AuthorizationServer) -> Iterator[Person]:
    person = Person(trust_env=False, transport=elsewhere())
    yield person
    person.close()


@pytest.mark.requirement("AS-23", "SEC-5")
def test_no_page_can_be_framed_or_made_to_run_or_load_anything(
    server: AuthorizationServer, person: Person
) -> None:
    client = server.register()
    pages = [
        login := person.open(client.authorization_url(Pkce())),
        person.submit(login, {"username": "wesen", "password": "wrong"}),
        consent := person.log_in(login),
        person.open(f"{server.origin}/account"),
        person.submit(consent, {"csrf": "wrong"}),
        person.open(f"{server.origin}/authorize?client_id=unknown"),
        person.open(f"{server.origin}/authorize"),
        person.open(f"{server.origin}/consent?pending=x"),
    ]
    for page in pages:
        assert page.headers["content-type"].startswith("text/html")
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert "unsafe" not in policy
        # A redirect back to the client follows the posted form (form-action would stop it).
        assert "form-action" not in policy
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "same-origin"
        assert page.headers["cache-control"] == "no-store"
        assert " on" + "click" not in page.text
        assert "style=" not in page.text


def test_every_answer_names_its_request_and_no_two_share_a_name(server: AuthorizationServer) -> None:
    mine = {"X-Request-Id": "chosen by the caller"}
    ids = [server.http.get(f"{server.origin}/jwks", headers=mine).headers["x-request-id"] for _ in range(3)]
    assert len({*ids, *mine.values()}) == 4
    refused = server.post("/token")
    assert refused.json()["request_id"] == refused.headers["x-request-id"]


@pytest.mark.requirement("SEC-17")
@pytest.mark.parametrize("path", ["/token", "/register", "/revoke", "/introspect", "/login", "/authorize"])
def test_a_body_that_is_too_large_is_refused_before_it_is_read(
    server: AuthorizationServer, path: str
) -> None:
    announced = server.http.post(f"{server.origin}{path}", content=b"a" * 70_000)
    assert announced.status_code == 413

    def chunks() -> Iterator[bytes]:
        yield from (b"a" * 1_000 for _ in range(70))

    assert server.http.post(f"{server.origin}{path}", content=chunks()).status_code == 413


def test_health_answers_while_the_store_does(server: AuthorizationServer) -> None:
    response = server.get("/health")
    assert (response.status_code, response.json()["status"]) == (200, "ok")


@pytest.mark.requirement("SEC-10")
def test_secrets_of_resource_servers_and_clients_show_nowhere(server: AuthorizationServer) -> None:
    for path in ("/openapi.json", "/docs", "/.well-known/openid-configuration", "/login"):
        assert RESOURCE_SECRET not in server.get(path).text

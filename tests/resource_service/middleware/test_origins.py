"""RS-6: which pages may call, and what they may read."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, call, modern_headers, running, token_for

FOREIGN = [
    "https://evil.example",
    "http://localhost.evil.example",
    "http://localhost:6274.evil.example",
    "http://localhost@evil.example",
    "http://evil.example#localhost",
    "http://127.0.0.1.nip.io:9001",
    "http://127.1:9001",
    "http://2130706433",
    "http://localhost:6274/",
    "http://LOCALHOST:6274",
    "ftp://localhost",
    "null",
    "localhost",
    "",
]


@pytest.mark.requirement("RS-6")
@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/mcp"),
        ("GET", "/mcp/"),
        ("DELETE", "/mcp"),
        ("OPTIONS", "/mcp"),
        ("GET", "/hello"),
        ("GET", "/v1/contexts"),
    ],
)
def test_pages_of_a_foreign_origin_are_refused_even_with_a_good_token(
    method: str, path: str, origin: str, client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    headers = bearer(token_for(service, issuer)) | {"Origin": origin}
    response = client.request(method, path, headers=headers)
    assert response.status_code == 403
    assert response.json()["error"] == "invalid_origin"
    assert "access-control-allow-origin" not in response.headers
    assert issuer.questions == []


@pytest.mark.requirement("RS-6")
def test_a_second_origin_header_does_not_hide_the_first(client: httpx2.Client, service: Service) -> None:
    for origins in ((service.origin, "https://evil.example"), ("https://evil.example", service.origin)):
        assert client.get("/hello", headers=[("Origin", origin) for origin in origins]).status_code == 403


@pytest.mark.requirement("RS-6")
@pytest.mark.parametrize(
    "origin", ["http://localhost:6274", "http://127.0.0.1:6276", "https://localhost", "http://[::1]:5173"]
)
def test_tools_on_this_machine_may_call_a_resource_on_loopback(
    origin: str, client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    headers = bearer(token_for(service, issuer)) | modern_headers("whoami") | {"Origin": origin}
    response = client.post("/mcp", headers=headers, json=call("whoami"))
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == origin
    assert "Origin" in response.headers["vary"]


@pytest.mark.requirement("RS-6")
def test_a_page_can_read_the_challenge_and_the_session(client: httpx2.Client) -> None:
    response = client.post("/mcp", headers={"Origin": "http://localhost:6274"})
    assert response.status_code == 401
    exposed = response.headers["access-control-expose-headers"].split(", ")
    assert {"WWW-Authenticate", "Mcp-Session-Id"} <= set(exposed)


@pytest.mark.requirement("RS-6", "RS-2")
@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "/hello", "/v1/contexts"])
def test_a_preflight_needs_no_token_and_grants_the_headers_clients_send(
    path: str, client: httpx2.Client, issuer: AuthorizationServer
) -> None:
    requests = (
        "authorization, content-type, last-event-id, mcp-method, mcp-name, mcp-param-x, mcp-protocol-version"
    )
    headers = {
        "Origin": "http://localhost:6274",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": requests,
    }
    response = client.options(path, headers=headers)
    assert response.status_code == 204
    assert response.headers["access-control-allow-headers"] == requests
    assert issuer.questions == []
    if path.startswith("/mcp"):
        assert {"GET", "POST", "DELETE"} <= set(response.headers["access-control-allow-methods"].split(", "))
    assert client.options(path).status_code == 204


@pytest.mark.requirement("RS-6")
def test_a_public_resource_lets_its_own_and_configured_origins_in_and_no_loopback_ones(
    issuer: AuthorizationServer, tmp_path: Path
) -> None:
    public = "https://mcp.example/mcp"
    allowed = "https://app.example, http://localhost:6274"
    with running(issuer, tmp_path, resource=public, allowed_origins=allowed) as service:
        statuses = {
            origin: httpx2.get(f"{service.origin}/hello", headers={"Origin": origin}).status_code
            for origin in (
                "https://mcp.example",
                "https://app.example",
                "http://localhost:6274",
                "http://localhost:6275",
                "https://sub.app.example",
                "http://app.example",
            )
        }
    assert list(statuses.values()) == [401, 401, 401, 403, 403, 403]


@pytest.mark.requirement("RS-6")
def test_every_origin_may_call_where_the_operator_says_so(
    issuer: AuthorizationServer, tmp_path: Path
) -> None:
    with running(issuer, tmp_path, resource="https://mcp.example/mcp", allowed_origins="*") as service:
        response = httpx2.get(f"{service.origin}/hello", headers={"Origin": "https://anywhere.example"})
    assert response.status_code == 401
    assert response.headers["access-control-allow-origin"] == "https://anywhere.example"

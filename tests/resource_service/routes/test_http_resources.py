"""The tutorial's plain resources."""

from __future__ import annotations

import httpx2
import pytest

from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, token_for


@pytest.mark.parametrize(
    ("who", "name"),
    [
        ({}, "wesen"),
        ({"username": None}, "user-1"),
        ({"username": None, "sub": None}, "client-1"),
        ({"username": "Zoë ☃"}, "Zoë ☃"),
    ],
)
def test_hello_greets_the_user_or_else_the_client(
    who: dict[str, object], name: str, client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    response = client.get("/hello", headers=bearer(token_for(service, issuer, scope=None, **who)))
    assert response.status_code == 200
    assert response.json() == {"message": f"Hello {name}, your request to MCP is authorized!"}


@pytest.mark.parametrize(
    ("scope", "tools"),
    [
        ("notes:read", ["list_notes", "whoami"]),
        ("notes:write notes:read", ["add_note", "list_notes", "whoami"]),
    ],
)
def test_contexts_lists_what_the_tools_work_on(
    scope: str, tools: list[str], client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    response = client.get("/v1/contexts", headers=bearer(token_for(service, issuer, scope=scope, sub=scope)))
    assert response.status_code == 200
    (context,) = response.json()["contexts"]
    assert context == {
        "id": "notes",
        "title": "Notes of wesen",
        "resource": service.resource,
        "tools": tools,
        "items": 0,
    }


@pytest.mark.requirement("RS-4")
@pytest.mark.parametrize("scope", [None, "", "notes:write", "notes:readers", "notes", "NOTES:READ"])
def test_contexts_needs_the_scope_to_read(
    scope: str | None, client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    response = client.get("/v1/contexts", headers=bearer(token_for(service, issuer, scope=scope)))
    assert response.status_code == 403
    assert response.json()["error"] == "insufficient_scope"
    challenge = response.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="notes:read"' in challenge
    assert f'resource_metadata="{service.origin}/.well-known/oauth-protected-resource/mcp"' in challenge


@pytest.mark.parametrize("path", ["/health", "/live", "/ready"])
def test_health_needs_no_token_and_asks_nobody(
    path: str, client: httpx2.Client, issuer: AuthorizationServer
) -> None:
    response = client.get(path)
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert issuer.questions == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("POST", "/hello", 405), ("GET", "/mcp/deeper", 404), ("GET", "//mcp", 404)],
)
def test_an_unknown_path_gets_an_error_in_the_usual_form(
    method: str, path: str, status: int, client: httpx2.Client, service: Service
) -> None:
    response = client.request(method, f"{service.origin}{path}")
    assert response.status_code == status
    assert set(response.json()) == {"error", "error_description", "reason_code", "request_id"}


def test_every_answer_carries_the_headers_that_keep_browsers_careful(client: httpx2.Client) -> None:
    for path in ("/health", "/hello", "/mcp", "/nothing"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "strict-transport-security" not in headers  # this one is served over http

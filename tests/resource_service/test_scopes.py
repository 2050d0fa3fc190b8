"""RS-4 over HTTP: nothing runs without its scopes, whatever the message looks like."""

from __future__ import annotations

import httpx2
import pytest

from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, call, modern_headers, token_for
from tests.resource_service.sessions import LEGACY, notes_of, open_session, scopes_of, tricks


@pytest.fixture
def reader(service: Service, issuer: AuthorizationServer, request: pytest.FixtureRequest) -> str:
    """A token that may only read, of a user of this test alone."""
    return token_for(service, issuer, scope="notes:read", sub=request.node.nodeid)


@pytest.mark.requirement("RS-4")
def test_a_missing_scope_is_challenged_with_403(client: httpx2.Client, service: Service, reader: str) -> None:
    headers = bearer(reader) | modern_headers("add_note")
    response = client.post("/mcp", headers=headers, json=call("add_note", text="x"))
    assert response.status_code == 403
    assert response.headers["www-authenticate"] == (
        'Bearer error="insufficient_scope", error_description="This request needs: notes:write.", '
        f'resource_metadata="{service.origin}/.well-known/oauth-protected-resource/mcp", scope="notes:write"'
    )
    assert response.json()["error"] == "insufficient_scope"
    assert notes_of(client, reader) == 0


@pytest.mark.requirement("RS-4")
@pytest.mark.parametrize("missing", ["notes:read", "notes:write"])
def test_one_challenge_names_all_that_a_batch_needs(
    missing: str, client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    held = {"notes:read", "notes:write"} - {missing}
    token = token_for(service, issuer, scope=" ".join(held))
    batch = [
        call("list_notes"),
        {"jsonrpc": "2.0", "method": "ping"},
        call("add_note", text="x"),
        call("whoami"),
    ]
    response = client.post("/mcp", headers=bearer(token) | LEGACY, json=batch)
    assert response.status_code == 403
    assert scopes_of(response) == {"notes:read", "notes:write"}


@pytest.mark.requirement("RS-4")
def test_no_scopes_at_all_still_let_whoami_run(
    client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    token = token_for(service, issuer, scope=None)
    response = client.post("/mcp", headers=bearer(token) | modern_headers("whoami"), json=call("whoami"))
    assert response.status_code == 200
    assert response.json()["result"]["structuredContent"]["scopes"] == []


@pytest.mark.requirement("RS-4")
@pytest.mark.parametrize("era", ["2026-07-28", "2025-11-25", "2025-03-26"])
@pytest.mark.parametrize("trick", tricks())
def test_no_trick_with_the_message_runs_a_tool_without_its_scope(
    trick: str, era: str, client: httpx2.Client, reader: str
) -> None:
    body = tricks()[trick]
    headers = bearer(reader) | LEGACY
    if era == "2026-07-28":
        headers |= modern_headers("add_note")
    else:
        headers |= {"Mcp-Protocol-Version": era, "Mcp-Session-Id": open_session(client, reader)}
    response = client.post("/mcp", headers=headers, content=body)
    assert response.status_code < 500
    assert notes_of(client, reader) == 0


@pytest.mark.requirement("RS-4")
def test_headers_that_claim_another_tool_do_not_help(client: httpx2.Client, reader: str) -> None:
    headers = bearer(reader) | modern_headers("whoami")
    response = client.post("/mcp", headers=headers, json=call("add_note", text="x"))
    assert response.status_code == 403
    assert notes_of(client, reader) == 0


@pytest.mark.requirement("RS-4")
def test_a_session_gives_no_scope_that_the_token_of_the_request_lacks(
    client: httpx2.Client, service: Service, issuer: AuthorizationServer, request: pytest.FixtureRequest
) -> None:
    user = request.node.nodeid
    writer = token_for(service, issuer, sub=user)
    session = {"Mcp-Session-Id": open_session(client, writer), "Mcp-Protocol-Version": "2025-11-25"}
    narrowed = token_for(service, issuer, sub=user, scope="notes:read")
    response = client.post(
        "/mcp", headers=bearer(narrowed) | LEGACY | session, json=call("add_note", text="x")
    )
    assert response.status_code == 403
    assert notes_of(client, writer) == 0


@pytest.mark.requirement("RS-4", "RS-2")
@pytest.mark.parametrize("body", [b"", b"{", b'{"jsonrpc":"2.0","jsonrpc":"2.0"}', b"\xff"])
def test_a_body_that_is_not_json_gets_a_json_rpc_error(
    body: bytes, client: httpx2.Client, reader: str
) -> None:
    response = client.post("/mcp", headers=bearer(reader) | modern_headers("whoami"), content=body)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == -32700
    assert response.json()["error"]["data"] == {
        "error": "invalid_request",
        "reason_code": "message_malformed",
        "request_id": response.headers["x-request-id"],
    }


def test_a_body_beyond_the_bound_is_refused(client: httpx2.Client, reader: str) -> None:
    headers = bearer(reader) | modern_headers("add_note")
    announced = client.post("/mcp", headers=headers, content=b" " * 4_194_305)
    chunked = client.post("/mcp", headers=headers, content=(b" " * 65_536 for _ in range(65)))
    assert (announced.status_code, chunked.status_code) == (413, 413)

"""The verifier for the official SDK, with a server of the SDK behind it."""

from __future__ import annotations

import httpx2
import pytest
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.mcpserver import MCPServer

from resource_service.verifiers.mcp_sdk import DoorwardTokenVerifier
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import call, modern_headers
from tests.verifiers.browsing import RESOURCE, SECRET, TOKEN, browsing

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("logging_restored")]


async def test_a_tool_of_the_sdk_learns_who_calls_without_a_second_check_of_the_token(
    issuer: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"resource": RESOURCE, "issuer": issuer.url, "resource_secret": SECRET}
    doorward = DoorwardTokenVerifier(["read"], implies={"write": ["read"]}, **settings)  # type: ignore[arg-type]
    server: MCPServer[None] = MCPServer("asks", token_verifier=doorward, auth=doorward.auth)

    @server.tool()
    def get() -> str:
        token = get_access_token()
        assert token is not None
        return f"{token.subject} by {token.client_id} with {token.scopes}, token {token.token!r}"

    async def fail(_token: str) -> None:
        raise AssertionError("the token was checked again")

    monkeypatch.setattr(doorward, "verify_token", fail)
    headers = {"Authorization": f"Bearer {TOKEN}", **modern_headers("get")}
    async with browsing(doorward.app(server, stateless_http=True, json_response=True)) as client:
        response = await client.post("/tools/mcp", json=call("get"), headers=headers)
        refused = await client.post("/tools/mcp", json=call("get"), headers=modern_headers("get"))
    text = response.json()["result"]["content"][0]["text"]
    assert text == "user-1 by client-1 with ['read', 'write'], token ''"
    assert refused.status_code == 401


async def test_the_sdk_s_own_app_holds_the_audience_too(issuer: AuthorizationServer) -> None:
    """Anyone who serves the SDK's app instead of the verifier's is served less, but not less safely."""
    settings = {"resource": RESOURCE, "issuer": issuer.url, "resource_secret": SECRET}
    doorward = DoorwardTokenVerifier(["read"], implies={"write": ["read"]}, **settings)  # type: ignore[arg-type]
    server: MCPServer[None] = MCPServer("bare", token_verifier=doorward, auth=doorward.auth)
    transport = httpx2.ASGITransport(app=server.streamable_http_app(host="0.0.0.0"))
    async with httpx2.AsyncClient(transport=transport, base_url="https://inside") as client:
        issuer.tokens[TOKEN]["aud"] = "https://mcp.example/other"
        refused = await client.post("/mcp", headers={"Authorization": f"Bearer {TOKEN}"})
        assert refused.status_code == 401

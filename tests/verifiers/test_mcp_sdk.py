"""The verifier for the official SDK, with a server of the SDK behind it."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
import structlog
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.mcpserver import MCPServer

from resource_service.verifiers.mcp_sdk import DoorwardTokenVerifier
from shared.journal.chain import read_entry
from shared.journal.delivery import EVENTS_PATH, read_delivery
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


@pytest.mark.requirement("JR-1", "JR-2")
async def test_each_call_is_an_event_of_the_journal(
    issuer: AuthorizationServer,
) -> None:
    settings = {"resource": RESOURCE, "issuer": issuer.url, "resource_secret": SECRET}
    doorward = DoorwardTokenVerifier(["write"], **settings)  # type: ignore[arg-type]
    server: MCPServer[None] = MCPServer("asks", token_verifier=doorward, auth=doorward.auth)
    server.tool()(answer)
    headers = {"Authorization": f"Bearer {TOKEN}", **modern_headers("answer")}
    app = doorward.app(server, stateless_http=True, json_response=True)
    async with browsing(app) as client:
        assert (await client.post("/tools/mcp", json=call("answer"), headers=headers)).status_code == 200
        await client.post("/tools/mcp", json=call("answer"), headers=modern_headers("answer"))
    begun, completed = calls_of(issuer)[-2:]
    assert (begun["kind"], begun["name"], begun["subject"]) == ("call.begun", "answer", "user-1")
    assert begun["resource"] == RESOURCE
    assert (completed["kind"], completed["call"]) == ("call.completed", begun["call"])
    assert completed["result"] == "ok"


@pytest.mark.requirement("JR-1")
async def test_a_guard_without_a_lifespan_says_that_it_does_not_record_calls(
    issuer: AuthorizationServer,
) -> None:
    settings = {"resource": RESOURCE, "issuer": issuer.url, "resource_secret": SECRET}
    doorward = DoorwardTokenVerifier(["write"], **settings)  # type: ignore[arg-type]
    server: MCPServer[None] = MCPServer("asks", token_verifier=doorward, auth=doorward.auth)
    server.tool()(answer)
    app = doorward.app(server, stateless_http=True, json_response=True)
    headers = {"Authorization": f"Bearer {TOKEN}", **modern_headers("answer")}
    transport, before = httpx2.ASGITransport(app=app), calls_of(issuer)
    with structlog.testing.capture_logs() as lines:
        async with (
            server.session_manager.run(),
            httpx2.AsyncClient(transport=transport, base_url="https://inside") as client,
        ):
            responses = [
                await client.post("/tools/mcp", json=call("answer"), headers=headers) for _ in range(2)
            ]
    assert [response.status_code for response in responses] == [200, 200]
    assert sum("calls are not recorded" in line["event"] for line in lines) == 1
    assert calls_of(issuer) == before


def answer() -> str:
    """Answer."""
    return "42"


def calls_of(issuer: AuthorizationServer) -> list[dict[str, Any]]:
    """The events about calls that the authorization server has received."""
    deliveries = [read_delivery(sent.body) for sent in issuer.unprompted if sent.target == EVENTS_PATH]
    lines = [line for each in deliveries for write in each.writes for line in write.split(b"\n")]
    return [event for line in lines if (event := read_entry(line))["kind"].startswith("call.")]


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

"""The built-in MCP server, driven by the official client in each of its protocol eras."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from resource_service.mcp_server.notes import MAX_NOTE_CHARACTERS
from resource_service.mcp_server.tools import POLICY
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, token_for
from tests.resource_service.sessions import LEGACY, open_session

pytestmark = pytest.mark.anyio
ERAS = {"2026-07-28": "2026-07-28", "2025-11-25": "legacy", "whichever": "auto"}


@asynccontextmanager
async def connected(service: Service, token: str, mode: str = "auto") -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers=bearer(token), timeout=10) as http,
        Client(streamable_http_client(service.resource, http_client=http), mode=mode) as client,
    ):
        yield client


async def called(client: Client, tool: str, **arguments: object) -> dict[str, object]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    content: dict[str, object] | None = result.structured_content
    assert content is not None
    return content


@pytest.mark.requirement("RS-10")
@pytest.mark.parametrize("era", ERAS)
async def test_the_official_client_uses_every_tool(
    era: str, service: Service, issuer: AuthorizationServer
) -> None:
    token = token_for(service, issuer, sub=f"user of {era}")
    async with connected(service, token, ERAS[era]) as client:
        assert client.session.protocol_version == (era if era != "whichever" else "2026-07-28")
        assert await called(client, "whoami") == {
            "subject": f"user of {era}",
            "username": "wesen",
            "client_id": "client-1",
            "scopes": ["notes:read", "notes:write"],
        }
        added = await called(client, "add_note", text="Buy milk\n\x00 ☃")
        assert (added["number"], added["text"]) == (1, "Buy milk\n\x00 ☃")
        assert await called(client, "list_notes") == {"notes": [added]}


async def test_every_tool_describes_itself_and_stands_in_the_policy(
    service: Service, issuer: AuthorizationServer
) -> None:
    async with connected(service, token_for(service, issuer)) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == set(POLICY.tools)
    for tool in tools.values():
        assert tool.title
        assert tool.description
        assert tool.output_schema
        assert tool.annotations
    assert [name for name, tool in tools.items() if not tool.annotations.read_only_hint] == ["add_note"]  # type: ignore[union-attr]


async def test_notes_are_the_user_s_through_every_client_and_nobody_else_s(
    service: Service, issuer: AuthorizationServer
) -> None:
    mine, elsewhere = (token_for(service, issuer, sub="me", client_id=client) for client in ("one", "two"))
    others = [
        token_for(service, issuer, sub="you"),
        token_for(service, issuer, sub=None, client_id="me"),  # a client that is called like the user
        token_for(service, issuer, sub="client:me"),
    ]
    async with connected(service, mine) as client:
        note = await called(client, "add_note", text="mine")
    async with connected(service, elsewhere) as client:
        assert await called(client, "list_notes") == {"notes": [note]}
    for other in others:
        async with connected(service, other) as client:
            assert await called(client, "list_notes") == {"notes": []}


@pytest.mark.parametrize(
    "arguments", [{}, {"text": ""}, {"text": 7}, {"text": "x" * (MAX_NOTE_CHARACTERS + 1)}]
)
@pytest.mark.parametrize("era", ERAS)
async def test_invalid_arguments_are_reported_to_the_model_and_change_nothing(
    era: str, arguments: dict[str, object], service: Service, issuer: AuthorizationServer
) -> None:
    async with connected(service, token_for(service, issuer, sub="careless"), ERAS[era]) as client:
        result = await client.call_tool("add_note", arguments)
        assert result.is_error
        assert await called(client, "list_notes") == {"notes": []}


@pytest.mark.requirement("RS-4")
@pytest.mark.parametrize("era", ERAS)
async def test_a_client_without_the_scope_gets_an_error_and_the_tool_does_not_run(
    era: str, service: Service, issuer: AuthorizationServer
) -> None:
    reader = token_for(service, issuer, sub=f"reader {era}", scope="notes:read")
    async with connected(service, reader, ERAS[era]) as client:
        with pytest.raises((MCPError, httpx2.HTTPStatusError)):
            await client.call_tool("add_note", {"text": "x"})
        assert await called(client, "list_notes") == {"notes": []}


@pytest.mark.requirement("RS-8")
@pytest.mark.parametrize(
    "other",
    [{"sub": "user-2"}, {"client_id": "client-2"}, {"sub": None}, {"sub": None, "client_id": "user-1"}],
)
def test_a_session_is_gone_for_anyone_but_the_principal_that_opened_it(
    other: dict[str, object], client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    mine = token_for(service, issuer)
    session = {"Mcp-Session-Id": open_session(client, mine), "Mcp-Protocol-Version": "2025-11-25"}
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    thief = bearer(token_for(service, issuer, **other)) | LEGACY | session
    assert client.post("/mcp", headers=thief, json=ping).status_code == 404
    assert client.get("/mcp", headers=thief).status_code == 404
    assert client.delete("/mcp", headers=thief).status_code == 404
    unknown = client.post("/mcp", headers=thief | {"Mcp-Session-Id": "f" * 32}, json=ping)
    stolen = client.post("/mcp", headers=thief, json=ping)
    assert stolen.content == unknown.content  # no hint that it exists
    again = bearer(token_for(service, issuer)) | LEGACY | session  # the same principal, after a refresh
    assert client.post("/mcp", headers=again, json=ping).status_code == 200


@pytest.mark.requirement("RS-10")
def test_a_client_of_2025_03_26_opens_a_session_too(
    client: httpx2.Client, service: Service, issuer: AuthorizationServer
) -> None:
    hello = {
        "jsonrpc": "2.0",
        "id": 0,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-03-26",
            "capabilities": {},
            "clientInfo": {"name": "old", "version": "1"},
        },
    }
    response = client.post("/mcp", headers=bearer(token_for(service, issuer)) | LEGACY, json=hello)
    assert response.status_code == 200
    assert '"protocolVersion":"2025-03-26"' in response.text

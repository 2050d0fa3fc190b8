"""Real MCP servers behind the gateway, unchanged, driven by the official client in each era (RS-9)."""

from __future__ import annotations

import base64
from typing import Any

import anyio
import pytest
from mcp.client.context import ClientRequestContext
from mcp_types import (
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequestParams,
    ElicitResult,
    TextContent,
)

from tests.gateway.upstreams import ERAS, called, connected
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, token_for

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-9")]
PLAIN = ("plain", "plain_stdio")
EVERYTHING = ("everything", "everything_stdio")


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Service:
    """The gateway that the test names."""
    running: Service = request.getfixturevalue(request.param)
    return running


async def red(_context: ClientRequestContext, _params: ElicitRequestParams) -> ElicitResult:
    """A user who likes red."""
    return ElicitResult(action="accept", content={"colour": "red"})


async def poem(_context: ClientRequestContext, params: CreateMessageRequestParams) -> CreateMessageResult:
    """A model with one answer."""
    content = TextContent(type="text", text="Roses are red")
    return CreateMessageResult(role="assistant", content=content, model="poet")


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("service", PLAIN, indirect=True)
async def test_tools_resources_and_progress_pass_in_both_eras(
    era: str, service: Service, issuer: AuthorizationServer
) -> None:
    reported: list[float] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        reported.append(progress)

    async with connected(service.resource, token_for(service, issuer, sub=era), ERAS[era]) as client:
        assert client.protocol_version == era
        assert await called(client, "add", a=2, b=3) == "5"
        result = await client.call_tool("count", {"to": 20}, progress_callback=note)
        assert not result.is_error
        read = await client.read_resource("bytes://all")
    assert reported == [float(number) for number in range(1, 21)]
    assert base64.b64decode(getattr(read.contents[0], "blob", "")) == bytes(range(256))


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("service", PLAIN, indirect=True)
async def test_binary_content_arrives_as_it_was_sent(
    era: str, service: Service, issuer: AuthorizationServer
) -> None:
    async with connected(service.resource, token_for(service, issuer, sub=era), ERAS[era]) as client:
        result = await client.call_tool("picture", {})
        large = await called(client, "text", characters=400_000)
    assert base64.b64decode(getattr(result.content[0], "data", "")) == bytes(range(256)) * 1_000
    assert len(large) == 400_000


@pytest.mark.parametrize("service", PLAIN, indirect=True)
async def test_the_server_can_ask_the_user_in_the_midst_of_a_call(
    service: Service, issuer: AuthorizationServer
) -> None:
    token = token_for(service, issuer)
    async with connected(service.resource, token, "legacy", elicitation_callback=red) as client:
        assert await called(client, "favourite") == "red"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("service", PLAIN, indirect=True)
async def test_a_call_that_is_called_off_is_called_off_behind_the_gateway(
    era: str, service: Service, issuer: AuthorizationServer, tmp_path: Any
) -> None:
    note = anyio.Path(tmp_path / "note")
    called_off = False
    try:
        async with connected(service.resource, token_for(service, issuer, sub=era), ERAS[era]) as client:
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(_wait, client, str(note))
                    await _until_text(note, "begun")
                    scope.cancel()
            await _until_text(note, "called off")
            called_off = True
    except* (anyio.ClosedResourceError, anyio.BrokenResourceError):
        pass  # the SDK's client trips over an answer that arrives while it closes
    assert called_off


async def _wait(client: Any, note: str) -> None:
    await client.call_tool("wait", {"seconds": 600, "note": note})


async def _until_text(path: anyio.Path, text: str) -> None:
    with anyio.fail_after(30):
        while not await path.exists() or await path.read_text() != text:  # noqa: ASYNC110 -- a file
            await anyio.sleep(0.02)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("service", EVERYTHING, indirect=True)
async def test_the_reference_server_does_everything_it_does(
    mode: str, service: Service, issuer: AuthorizationServer
) -> None:
    reported: list[float] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        reported.append(progress)

    token = token_for(service, issuer, sub=mode)
    async with connected(service.resource, token, mode, sampling_callback=poem) as client:
        assert client.protocol_version == "2025-11-25"  # all that this server speaks
        assert await called(client, "echo", message="hello ☃") == "Echo: hello ☃"
        arguments = {"duration": 1, "steps": 5}
        await client.call_tool("trigger-long-running-operation", arguments, progress_callback=note)
        image = await client.call_tool("get-tiny-image", {})
        assert "Roses are red" in await called(client, "trigger-sampling-request", prompt="A poem, please")
        assert len((await client.list_prompts()).prompts) > 2
        assert (await client.list_resources()).resources
    assert reported == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert [content.type for content in image.content] == ["text", "image", "text"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("service", ["fast", "fast_stdio"], indirect=True)
async def test_a_fastmcp_server_works_unchanged(
    mode: str, service: Service, issuer: AuthorizationServer
) -> None:
    async with connected(service.resource, token_for(service, issuer, sub=mode), mode) as client:
        assert await called(client, "add", a=20, b=22) == "42"
        assert [tool.name for tool in (await client.list_tools()).tools] == ["add"]


async def test_a_client_of_the_current_revision_alone_uses_an_older_server_over_stdio(
    everything_stdio: Service, issuer: AuthorizationServer
) -> None:
    token = token_for(everything_stdio, issuer, sub="modern")
    async with connected(everything_stdio.resource, token, "2026-07-28") as client:
        assert await called(client, "get-sum", a=2, b=3) == "The sum of 2 and 3 is 5."
        assert len((await client.list_tools()).tools) > 5

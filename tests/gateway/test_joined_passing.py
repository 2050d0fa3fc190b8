"""Messages in both directions pass through the right mount of the joined URL (GW-3)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.shared.subscriptions import ResourceUpdated, ToolsListChanged
from mcp_types import CreateMessageResult, ElicitResult, ResourceTemplateReference, TextContent

from tests.gateway.exchange import INITIALIZE, LISTEN, MESSAGE, PING
from tests.gateway.open_streams import META, MODERN
from tests.gateway.upstreams import ERAS, PATIENCE, called, connected, forked_stdio, python_upstream
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, running, token_for
from tests.servers import wait_until

pytestmark = [
    pytest.mark.requirement("GW-3"),
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),
]
NOTEBOOK = "tests.gateway.servers.notebook"
MOUNTS = ("one", "two")
EVERY_ERA = pytest.mark.parametrize("mode", ERAS.values(), ids=ERAS)
WITHIN_S = 30.0


@pytest.fixture(scope="module")
def joined(issuer: AuthorizationServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The same server twice: over HTTP, and over stdio."""
    directory = tmp_path_factory.mktemp("passing")
    with python_upstream(NOTEBOOK, directory, arguments=["one"]) as upstream:
        mounts = {"/one": upstream.url, "/two": forked_stdio(NOTEBOOK, "two")}
        with running(issuer, directory, mounts=json.dumps(mounts), join="true", **PATIENCE) as service:
            yield service


Connect = Callable[..., Any]


@pytest.fixture
def connect(joined: Service, issuer: AuthorizationServer) -> Connect:
    """Connects a client to the joined URL."""

    @asynccontextmanager
    async def connecting(mode: str, **options: Any) -> AsyncIterator[Client]:
        access_token = token_for(joined, issuer, scope=" ".join(MOUNTS))
        async with connected(joined.resource, access_token, mode, **options) as client:
            yield client

    return connecting


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    await anyio.to_thread.run_sync(lambda: wait_until(condition, timeout_s=WITHIN_S))


@EVERY_ERA
async def test_progress_and_log_messages_come_from_the_mount_that_is_called(
    mode: str, connect: Connect
) -> None:
    logged: list[tuple[str | None, object]] = []

    async def note(params: Any) -> None:
        logged.append((params.logger, params.data))

    async with connect(mode, logging_callback=note, log_level="info") as client:
        for mount in MOUNTS:
            reported: list[object] = []

            async def noted(*progress: object, to: list[object] = reported) -> None:
                to.append(progress)

            result = await client.call_tool(f"{mount}_count", {"to": 3}, progress_callback=noted)
            assert result.content[0].text == f"{mount} counted"
            assert reported == [(number, 3, mount) for number in (1, 2, 3)]
            await called(client, f"{mount}_log", text="hello")
    assert logged == [(f"{mount}_pages", "hello") for mount in MOUNTS]


@EVERY_ERA
@pytest.mark.parametrize("mount", MOUNTS)
async def test_a_cancelled_call_is_cancelled_at_its_mount(
    mode: str, mount: str, connect: Connect, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    async with connect(mode) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, f"{mount}_wait", {"note": str(note)})
            await until(lambda: note.exists() and note.read_text() == "begun")
            tasks.cancel_scope.cancel()
        await until(lambda: note.read_text() == f"{mount} cancelled")
        assert await client.list_tools()


@EVERY_ERA
async def test_the_client_answers_the_mount_that_asks_its_model_or_its_person(
    mode: str, connect: Connect
) -> None:
    async def sampled(_context: Any, params: Any) -> CreateMessageResult:
        text = f"{params.messages[0].content.text}!"
        return CreateMessageResult(role="assistant", content=TextContent(text=text), model="m")

    async def answered(_context: Any, _params: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"text": "typed"})

    async with connect(mode, sampling_callback=sampled, elicitation_callback=answered) as client:
        with anyio.fail_after(WITHIN_S):
            for mount in MOUNTS:
                assert await called(client, f"{mount}_ask_model", prompt="hi") == f"{mount}: hi!"
                assert await called(client, f"{mount}_ask_person") == f"{mount}: typed"


@EVERY_ERA
async def test_resources_templates_prompts_and_completions_are_those_of_the_mount(
    mode: str, connect: Connect
) -> None:
    async with connect(mode) as client:
        templates = {
            each.uri_template for each in (await client.list_resource_templates()).resource_templates
        }
        prompts = {each.name for each in (await client.list_prompts()).prompts}
        assert templates == {f"{mount}+page://{{number}}" for mount in MOUNTS}
        assert prompts == {f"{mount}_summarize" for mount in MOUNTS}
        for mount in MOUNTS:
            read = (await client.read_resource(f"{mount}+page://7")).contents[0]
            assert (str(read.uri), read.text) == (f"{mount}+page://7", f"{mount}: page 7")
            prompt = await client.get_prompt(f"{mount}_summarize", {"topic": "rain"})
            assert prompt.messages[0].content.text == f"{mount}: summarize rain"
            reference = ResourceTemplateReference(uri=f"{mount}+page://{{number}}")
            completed = await client.complete(reference, {"name": "number", "value": "1"})
            assert completed.completion.values == [mount, "page://{number}", "1…"]


@pytest.mark.parametrize("mount", MOUNTS)
async def test_a_change_reaches_a_subscriber_from_its_mount_in_a_session(
    mount: str, connect: Connect
) -> None:
    messages: list[tuple[str, object]] = []

    async def note(message: Any) -> None:
        messages.append((message.method, getattr(message.params, "uri", None)))

    async with connect("legacy", message_handler=note) as client:
        before = {tool.name for tool in (await client.list_tools()).tools}
        await client.subscribe_resource(f"{mount}+note://today")
        await called(client, f"{mount}_write", text="rain")
        await until(lambda: ("notifications/resources/updated", f"{mount}+note://today") in messages)
        contents = (await client.read_resource(f"{mount}+note://today")).contents
        assert contents[0].text == f"{mount}: rain"
        await called(client, f"{mount}_add_tool", name="first")
        await until(lambda: ("notifications/tools/list_changed", None) in messages)
        after = {tool.name for tool in (await client.list_tools()).tools}
        assert after - before == {f"{mount}_first"}
        await client.unsubscribe_resource(f"{mount}+note://today")
        assert await called(client, f"{mount}_first") == mount


async def test_a_subscription_has_the_events_of_every_mount(connect: Connect) -> None:
    uris = [f"{mount}+note://today" for mount in MOUNTS]
    async with (
        connect("2026-07-28") as client,
        client.listen(tools_list_changed=True, resource_subscriptions=uris) as subscription,
    ):
        assert subscription.honored.tools_list_changed
        assert sorted(subscription.honored.resource_subscriptions) == uris
        with anyio.fail_after(WITHIN_S):
            for mount in MOUNTS:
                await called(client, f"{mount}_write", text="snow")
                assert await anext(subscription) == ResourceUpdated(uri=f"{mount}+note://today")
                before = {tool.name for tool in (await client.list_tools()).tools}
                await called(client, f"{mount}_add_tool", name="second")
                assert await anext(subscription) == ToolsListChanged()
                after = {tool.name for tool in (await client.list_tools()).tools}
                assert after - before == {f"{mount}_second"}


async def test_a_call_whose_stream_its_server_closes_is_resumed(connect: Connect) -> None:
    async with connect("legacy") as client:
        reported: list[object] = []

        async def noted(*progress: object) -> None:
            reported.append(progress)

        with anyio.fail_after(WITHIN_S):
            result = await client.call_tool("one_interrupted", {}, progress_callback=noted)
        assert result.content[0].text == "one went on"
        assert reported == [(1, 2, "one")]


async def first_event(lines: AsyncIterator[str], member: str = "data") -> str:
    """The first value of a member of an event that is not empty."""
    async for line in lines:
        if line.startswith(f"{member}: ") and line != f"{member}: ":
            return line.removeprefix(f"{member}: ")
    raise AssertionError("the stream has ended")


async def lines_with(text: str, lines: AsyncIterator[str]) -> AsyncIterator[str]:
    """The first line with a text; nothing if the stream ends without."""
    async for line in lines:
        if text in line:
            yield line
            return


@asynccontextmanager
async def in_session(
    service: Service, issuer: AuthorizationServer
) -> AsyncIterator[tuple[httpx2.AsyncClient, dict[str, str]]]:
    """A plain client, and the headers of its session, in which the mounts have sessions too."""
    headers = bearer(token_for(service, issuer, scope=" ".join(MOUNTS)))
    async with httpx2.AsyncClient(base_url=service.origin, timeout=60, trust_env=False) as client:
        opened = await client.post("/mcp", headers=headers | MESSAGE, json=INITIALIZE)
        session = headers | {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
        await client.post("/mcp", headers=MESSAGE | session, json=PING | {"method": "tools/list"})
        yield client, session


def tool_call(tool: str, /, **arguments: object) -> dict[str, Any]:
    params = {"name": tool, "arguments": arguments, "_meta": {"progressToken": "p"}}
    return {"jsonrpc": "2.0", "id": tool, "method": "tools/call", "params": params}


@pytest.mark.parametrize("mount", MOUNTS)
async def test_after_a_lost_connection_a_client_gets_the_rest_of_a_call(
    mount: str, joined: Service, issuer: AuthorizationServer
) -> None:
    message = tool_call(f"{mount}_interrupted")
    async with in_session(joined, issuer) as (client, session):
        async with client.stream("POST", "/mcp", headers=MESSAGE | session, json=message) as stream:
            last = await first_event(stream.aiter_lines(), "id")
        assert last.startswith(f"{mount}_")
        resumed = LISTEN | session | {"Last-Event-ID": last}
        with anyio.fail_after(WITHIN_S):
            async with client.stream("GET", "/mcp", headers=resumed) as stream:
                lines = stream.aiter_lines()
                while f"{mount} went on" not in (text := await first_event(lines)):
                    pass
        assert json.loads(text)["id"] == message["id"]


@pytest.mark.parametrize("ended", MOUNTS)
async def test_a_resumed_call_ends_with_its_own_mount_and_with_no_other(
    ended: str, joined: Service, issuer: AuthorizationServer
) -> None:
    message = tool_call("one_interrupted", seconds=4)
    async with in_session(joined, issuer) as (client, session):
        async with client.stream("POST", "/mcp", headers=MESSAGE | session, json=message) as stream:
            last = await first_event(stream.aiter_lines(), "id")
        with anyio.fail_after(WITHIN_S):
            resumed = LISTEN | session | {"Last-Event-ID": last}
            async with client.stream("GET", "/mcp", headers=resumed) as stream:
                token = session["Authorization"].removeprefix("Bearer ")
                issuer.tokens[token]["scope"] = next(mount for mount in MOUNTS if mount != ended)
                results = [line async for line in lines_with("one went on", stream.aiter_lines())]
    assert bool(results) is (ended != "one")


@pytest.mark.parametrize("remaining", ["two", ""], ids=["one of two", "both"])
async def test_a_subscription_ends_with_the_reason_when_its_last_mount_ends(
    remaining: str, joined: Service, issuer: AuthorizationServer
) -> None:
    token = token_for(joined, issuer, scope=" ".join(MOUNTS))
    params = {"notifications": {"toolsListChanged": True}, "_meta": META}
    message = {"jsonrpc": "2.0", "id": 7, "method": "subscriptions/listen", "params": params}
    headers = bearer(token) | MODERN | {"Mcp-Method": "subscriptions/listen"}
    errors: list[str] = []
    async with httpx2.AsyncClient(base_url=joined.origin, timeout=60, trust_env=False) as client:
        with anyio.move_on_after(4 if remaining else WITHIN_S) as waiting:
            async with client.stream("POST", "/mcp", headers=headers, json=message) as stream:
                lines = stream.aiter_lines()
                assert "acknowledged" in await first_event(lines)
                issuer.tokens[token]["scope"] = remaining
                errors += [line async for line in lines_with("allows less than before", lines)]
    assert waiting.cancelled_caught is bool(remaining)
    assert len(errors) == (0 if remaining else 1)


async def test_a_stream_to_listen_can_be_opened_again_as_soon_as_its_connection_is_lost(
    joined: Service, issuer: AuthorizationServer
) -> None:
    async with in_session(joined, issuer) as (client, session):

        async def cause_events(first: int) -> None:
            for number in range(first, first + 100):  # the mount's own stream may be opened a moment later
                call = tool_call("one_add_tool", name=f"x{number}")
                await client.post("/mcp", headers=MESSAGE | session, json=call)
                await anyio.sleep(0.5)

        for first in (0, 100, 200):
            with anyio.fail_after(WITHIN_S):
                async with (
                    client.stream("GET", "/mcp", headers=LISTEN | session) as stream,
                    anyio.create_task_group() as tasks,
                ):
                    assert stream.status_code == 200
                    tasks.start_soon(cause_events, first)
                    lines = stream.aiter_lines()
                    while "tools/list_changed" not in await first_event(lines):
                        pass
                    tasks.cancel_scope.cancel()

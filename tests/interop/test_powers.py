"""Held tools, limits, stops and approvals, as real clients see them (GW-4 to GW-6)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx2
import pytest
from mcp import MCPError

from auth_service.stops.switch import StopSwitch
from shared.clock import system_clock
from shared.stops import Stop, StopKind
from shared.storage import Store, open_store
from tests.e2e.services import Deployment, deployed
from tests.flow import Client, Person
from tests.gateway.changing_server import ChangingServer, changing_server
from tests.gateway.upstreams import connected
from tests.interop.browser import Browser, at_a_browser
from tests.interop.clients import Inspector, RealClient, TypeScriptSdk1, TypeScriptSdk2
from tests.machine import require
from tests.resource_service.service import bearer, call, modern_headers
from tests.servers import redis_running, wait_until

pytestmark = pytest.mark.xdist_group("interop")

POLICY = """
scopes: {}
default: []
approve: {pay: self}
limits: {slow: {per: client, rate: 1/hour, tools: slow}}
"""
LIMIT_EXCEEDED = -32004
Answer = dict[str, Any]


def tool(name: str) -> dict[str, Any]:
    return {"name": name, "description": f"The tool {name}.", "inputSchema": {"type": "object"}}


class Caller(Protocol):
    """A client: a result has `content` and `isError`, and a refusal `error`."""

    def attempt(self, tool: str, **arguments: object) -> Answer:
        """Call a tool."""
        ...

    def tools(self) -> list[str]:
        """List the tools."""
        ...


@dataclass
class World:
    """A deployment in front of an MCP server, and the person at the browser that clients open."""

    deployment: Deployment
    server: ChangingServer
    browser: Browser
    http: httpx2.Client
    token: str

    def is_stopped(self, name: str) -> bool:
        headers = {**modern_headers(name), **bearer(self.token)}
        answer = self.http.post(self.deployment.mcp_url, headers=headers, json=call(name)).json()
        return "stopped_by_operator" in json.dumps(answer)

    def switch(self, change: Callable[[StopSwitch], Any]) -> None:
        """Change what is stopped."""

        async def changed() -> None:
            store: Store = open_store(self.deployment.store_url)
            await change(StopSwitch(store, system_clock))
            await store.aclose()

        asyncio.run(changed())

    def approve(self, link: str) -> None:
        page = self.browser.person.open(link)
        assert "Run <code>pay</code>?" in page.text
        assert "The call is approved" in self.browser.person.submit(page, {"decision": "approve"}).text


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    require("redis-server")
    require("node")
    directory = tmp_path_factory.mktemp("powers")
    (directory / "policy.yaml").write_text(POLICY)
    with ExitStack() as stack:
        redis = stack.enter_context(redis_running(directory / "redis"))
        server = stack.enter_context(changing_server())
        server.tools = [tool(name) for name in ("free", "pay", "slow", "switched")]
        settings = {"DOORWARD_UPSTREAM": server.url, "DOORWARD_POLICY": str(directory / "policy.yaml")}
        deployment = stack.enter_context(deployed(redis.url, directory, resource_settings=settings))
        browser = stack.enter_context(at_a_browser(directory / "browser"))
        http = stack.enter_context(httpx2.Client(timeout=60, trust_env=False))
        person = Person(trust_env=False)
        stack.callback(person.close)
        token = Client.register(deployment.issuer, http).connect(person)["access_token"]
        world = World(deployment, server, browser, http, token)
        assert not world.is_stopped("free")  # this pins the list
        server.tools = [*server.tools, tool("new")]
        yield world


class PythonSdk:
    """The official Python SDK, connected for each call."""

    def __init__(self, world: World, _home: Path) -> None:
        self._url = world.deployment.mcp_url
        client = Client.register(world.deployment.issuer, world.http)
        self._token = client.connect(world.browser.person)["access_token"]

    def attempt(self, tool: str, **arguments: object) -> Answer:
        async def attempted() -> Answer:
            async with connected(self._url, self._token) as client:
                try:
                    result = await client.call_tool(tool, arguments)
                except MCPError as error:
                    return {"error": error.error.message, **error.error.model_dump(mode="json")}
                return {"content": str(result.content), "isError": result.is_error}

        return asyncio.run(attempted())

    def tools(self) -> list[str]:
        async def listed() -> list[str]:
            async with connected(self._url, self._token) as client:
                return [each.name for each in (await client.list_tools()).tools]

        return asyncio.run(listed())

    def close(self) -> None:
        """Nothing is left to end."""


def _program(kind: type[RealClient]) -> Callable[[World, Path], Any]:
    return lambda world, home: kind(world.deployment.mcp_url, home, world.browser)


CLIENTS = {
    "python-sdk": PythonSdk,
    "typescript-sdk-1": _program(TypeScriptSdk1),
    "typescript-sdk-2": _program(TypeScriptSdk2),
    "mcp-inspector": _program(Inspector),
}


@pytest.fixture(scope="module", params=CLIENTS)
def client(
    world: World, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Caller]:
    started = CLIENTS[request.param](world, tmp_path_factory.mktemp("client"))
    yield started
    started.close()


def is_slow(client: Caller) -> bool:
    """Whether each call starts a program, so that only those are made without which nothing is shown."""
    return isinstance(client, Inspector)


def runs(world: World, client: Caller, tool: str, **arguments: object) -> bool:
    """Call a tool; return whether it has reached the MCP server, with these arguments."""
    before = len(world.server.ran)
    answer = client.attempt(tool, **arguments)
    assert world.server.ran[before:] in ([], [tool])
    if world.server.ran[before:]:
        assert not answer.get("isError"), answer
        assert world.server.arguments[-1] == arguments
    return len(world.server.ran) > before


def refused(world: World, client: Caller, tool: str, **arguments: object) -> Answer:
    """Call a tool; return what the client has of the refusal."""
    before = len(world.server.ran)
    answer = client.attempt(tool, **arguments)
    assert len(world.server.ran) == before
    assert answer.get("isError") or "error" in answer
    return answer


def refusal(world: World, client: Caller, tool: str, **arguments: object) -> str:
    """Return `refused` as text."""
    return json.dumps(refused(world, client, tool, **arguments))


@pytest.mark.requirement("GW-4")
def test_a_held_tool_is_not_listed_and_refused_with_its_reason(world: World, client: Caller) -> None:
    assert sorted(client.tools()) == ["free", "pay", "slow", "switched"]
    assert is_slow(client) or runs(world, client, "free", text="a")
    # The Inspector looks the tool up in the list, and does not call it.
    reason = "not found on server" if is_slow(client) else "definition_held"
    assert reason in refusal(world, client, "new")


@pytest.mark.requirement("GW-5")
def test_a_limit_says_when_to_try_again(world: World, client: Caller) -> None:
    assert runs(world, client, "slow")
    answer = refused(world, client, "slow")
    (seconds,) = set(re.findall(r"Try again in (\d+) seconds, not sooner", json.dumps(answer)))
    assert 0 < int(seconds) <= 3_600
    if not is_slow(client):  # the Inspector prints no more than the message
        assert answer["code"] == LIMIT_EXCEEDED
        assert answer["data"]["retry_after"] == int(seconds)
        assert runs(world, client, "free")


@pytest.mark.requirement("GW-5")
def test_a_stopped_tool_is_refused_with_the_reason_until_it_is_resumed(world: World, client: Caller) -> None:
    stop = Stop(kind=StopKind.TOOL, name="switched", reason="a fault")
    assert is_slow(client) or runs(world, client, "switched")
    world.switch(lambda switch: switch.stop(stop, by="the test"))
    wait_until(lambda: world.is_stopped("switched"))
    assert "a fault. Do not try again" in refusal(world, client, "switched")
    assert is_slow(client) or runs(world, client, "free")
    world.switch(lambda switch: switch.resume(stop))
    wait_until(lambda: not world.is_stopped("switched"))
    assert runs(world, client, "switched")


@pytest.mark.requirement("GW-6")
def test_a_call_runs_once_after_its_link_was_opened_and_approved(world: World, client: Caller) -> None:
    def link(amount: int) -> str:
        text = refusal(world, client, "pay", amount=amount)
        (approval,) = set(re.findall(rf"{re.escape(world.deployment.issuer)}/approve/[\w-]+", text))
        return str(approval)

    first = link(11)
    world.approve(first)
    assert is_slow(client) or link(12) != first
    assert runs(world, client, "pay", amount=11)
    assert is_slow(client) or link(11) != first

"""Connected accounts through both services: link, credential, disconnection, one refresh (GW-1, GW-2)."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from mcp import MCPError, UrlElicitationRequiredError
from mcp_types import ElicitRequestParams, ElicitRequestURLParams, ElicitResult, TextContent

from resource_service.connected_accounts.introduction import TOOL
from tests.auth_service.connected_accounts.upstream import Upstream, running_upstream
from tests.e2e.services import Deployment, Service, deployed, start
from tests.flow import Client, Person
from tests.gateway.accounts import accepting
from tests.gateway.upstreams import ERAS, connected
from tests.machine import require
from tests.resource_service.authorization_server import AuthorizationServer, Question, Reply
from tests.resource_service.service import bearer, call, modern_headers
from tests.servers import free_port, redis_running, wait_until

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("GW-1", "GW-2"), pytest.mark.xdist_group("accounts")]

CALLS, LIFETIME_S, WITHIN_S = 200, 10, 1.0


@dataclass
class World:
    """Two processes of each service, a provider, and an MCP server that accepts only its tokens.

    Attributes:
        server: the MCP server behind the gateway.
    """

    deployment: Deployment
    resources: list[Service]
    provider: Upstream
    server: AuthorizationServer
    person: Person
    token: str

    def connect(self, link: str) -> None:
        """Open the link, agree, and approve at the provider."""
        response = self.person.submit(self.person.open(link), {})
        page = self.person.open(self.provider.approve(response.headers["location"]))
        assert page.status_code == 200, page.text

    def disconnect(self) -> None:
        """Press the button on the account page."""
        page = self.person.open(f"{self.deployment.issuer}/account")
        (link,) = re.findall(r'href="(account\?action=disconnect_account&amp;[^"]+)"', page.text)
        confirmation = self.person.open(f"{self.deployment.issuer}/{link.replace('&amp;', '&')}")
        assert self.person.submit(confirmation, {}).status_code == 200

    def answer(self, service: Service) -> dict[str, Any]:
        headers = {**modern_headers("t"), **bearer(self.token)}
        response = httpx2.post(
            f"{service.url}/mcp", headers=headers, json=call("t"), timeout=60, trust_env=False
        )
        answer: dict[str, Any] = response.json()
        return answer

    def is_connected(self, service: Service) -> bool:
        result = self.answer(service).get("result", {})
        return "done" in str(result.get("content"))

    def link(self) -> str:
        match = re.search(r"http://\S+/connect/[^\s)]+", json.dumps(self.answer(self.resources[0])))
        assert match
        return match[0]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    require("redis-server")
    directory, mcp_url, secret = (
        tmp_path_factory.mktemp("accounts"),
        "http://127.0.0.1:9/mcp",
        secrets.token_hex(32),
    )
    server = AuthorizationServer().start()
    with ExitStack() as stack:
        stack.callback(server.stop)
        provider = stack.enter_context(running_upstream())
        server.replies["*"] = _accepting_tokens_of(provider)
        redis = stack.enter_context(redis_running(directory / "redis"))
        resource = {"resource": mcp_url, "name": "Issues", "upstream_oauth": provider.settings()}
        servers = [{"id": "resource", "secret": secret, "resources": [resource]}]
        deployment = stack.enter_context(
            deployed(
                redis.url,
                directory,
                replicas=2,
                mcp_url=mcp_url,
                settings={
                    "DOORWARD_RESOURCE_SERVERS": json.dumps(servers),
                    "DOORWARD_FETCH_LOOPBACK": "true",
                },
                resource_settings={
                    "DOORWARD_RESOURCE_SECRET": secret,
                    "DOORWARD_UPSTREAM": f"{server.url}/mcp",
                    "DOORWARD_UPSTREAM_CONNECTED_ACCOUNT": "true",
                },
            )
        )
        first = deployment.resource
        settings = {
            **first.settings,
            "DOORWARD_INTROSPECTION_ENDPOINT": f"{deployment.auth[1].url}/introspect",
        }
        other = Service("resource", free_port(), settings, directory / "other.log")
        start([other])
        stack.callback(other.kill)
        person = Person(trust_env=False)
        stack.callback(person.close)
        http = stack.enter_context(httpx2.Client(timeout=60, trust_env=False))
        token = Client.register(deployment.issuer, http).connect(person, resource=mcp_url)["access_token"]
        yield World(deployment, [first, other], provider, server, person, token)


@pytest.fixture(autouse=True)
def not_connected(world: World) -> Iterator[None]:
    """No account is connected after a test."""
    yield
    world.provider.expires_in = 3_600
    if any(map(world.is_connected, world.resources)):
        world.disconnect()
        wait_until(lambda: not any(map(world.is_connected, world.resources)))


def test_the_person_connects_an_account_and_its_end_stops_calls_within_a_second(world: World) -> None:
    world.connect(world.link())
    assert all(map(world.is_connected, world.resources))
    sent = {question.headers["authorization"] for question in world.server.questions}
    assert sent <= {f"Bearer {token}" for token in world.provider.tokens}
    world.disconnect()
    began = time.monotonic()
    wait_until(lambda: not any(map(world.is_connected, world.resources)))
    assert time.monotonic() - began < WITHIN_S
    for service in (*world.deployment.services, world.resources[1]):
        assert not any(token in service.log for token in world.provider.tokens)


async def test_parallel_calls_at_expiry_over_all_processes_refresh_once(world: World) -> None:
    world.provider.expires_in = LIFETIME_S
    await asyncio.to_thread(world.connect, world.link())
    assert all(map(world.is_connected, world.resources))
    world.provider.expires_in, refreshes = 3_600, world.provider.refreshes
    await asyncio.sleep(LIFETIME_S)  # until it has expired on the clocks of all processes
    headers = {**modern_headers("t"), **bearer(world.token)}
    limits = httpx2.Limits(max_connections=CALLS)
    async with httpx2.AsyncClient(timeout=60, trust_env=False, limits=limits) as http:
        urls = [f"{service.url}/mcp" for service in world.resources] * (CALLS // 2)
        posts = (http.post(url, headers=headers, json=call("t")) for url in urls)
        responses = await asyncio.gather(*posts)
    assert {response.status_code for response in responses} == {200}
    assert all("done" in response.text for response in responses)
    assert world.provider.refreshes == refreshes + 1


@pytest.mark.parametrize("revision", ERAS)
async def test_the_python_sdk_shows_the_link_and_calls_in_the_same_session(
    revision: str, world: World
) -> None:
    async def opened(_context: object, params: ElicitRequestParams) -> ElicitResult:
        assert isinstance(params, ElicitRequestURLParams)
        await asyncio.to_thread(world.connect, params.url)
        return ElicitResult(action="accept")

    mode, url = ERAS[revision], f"{world.resources[0].url}/mcp"
    async with connected(url, world.token, mode, elicitation_callback=opened) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == [TOOL]
        if mode == "legacy":
            with pytest.raises(MCPError) as raised:
                await client.call_tool("t", {})
            (elicitation,) = UrlElicitationRequiredError.from_error(raised.value.error).elicitations
            await opened(None, elicitation)
        result = await client.call_tool("t", {})
        assert isinstance(result.content[0], TextContent)
        assert result.content[0].text == "done"


@pytest.mark.parametrize("revision", ERAS)
async def test_the_python_sdk_without_elicitation_gets_the_link_as_text(revision: str, world: World) -> None:
    url = f"{world.resources[0].url}/mcp"
    async with connected(url, world.token, ERAS[revision]) as client:
        result = await client.call_tool("t", {})
        assert result.is_error
        assert f"{world.deployment.issuer}/connect/" in str(result.content)


def _accepting_tokens_of(provider: Upstream) -> Reply:
    async def reply(question: Question, writer: asyncio.StreamWriter) -> None:
        await accepting(*(f"Bearer {token}" for token in provider.tokens))(question, writer)

    return reply

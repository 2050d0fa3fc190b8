"""A call that its person has approved on the page runs once, through both services as processes (GW-6)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from mcp import Client as McpClient
from mcp import MCPError, UrlElicitationRequiredError
from mcp_types import ElicitRequestParams, ElicitRequestURLParams, ElicitResult

from tests.cli.command import doorward
from tests.e2e.services import Deployment, deployed
from tests.flow import Client, Person
from tests.gateway.changing_server import ChangingServer, changing_server
from tests.gateway.upstreams import ERAS, connected
from tests.machine import require
from tests.servers import redis_running

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("GW-6"), pytest.mark.xdist_group("revocations")]

POLICY = "scopes: {}\ndefault: []\napprove: {pay: self}\n"
PAY = {"name": "pay", "description": "Pay somebody.", "inputSchema": {"type": "object"}}
PARALLEL = 4


@dataclass
class Paying:
    """A deployment in front of a server that pays, and the person for whom a client acts."""

    deployment: Deployment
    server: ChangingServer
    person: Person
    token: str

    @property
    def url(self) -> str:
        return self.deployment.mcp_url

    async def decide(self, link: str, decision: str) -> str:
        """Press a button on the page of a call; return the page that follows."""
        page = await asyncio.to_thread(self.person.open, link)
        assert "Run <code>pay</code>?" in page.text
        done = await asyncio.to_thread(self.person.submit, page, {"decision": decision})
        return done.text

    async def attempt(self, client: McpClient, **arguments: object) -> str:
        """Make a call that is refused with a link; return the link."""
        result = await client.call_tool("pay", arguments)
        assert result.is_error, result.content
        (link,) = re.findall(rf"{re.escape(self.deployment.issuer)}/approve/[\w-]+", str(result.content))
        return str(link)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paying]:
    require("redis-server")
    directory = tmp_path_factory.mktemp("call-approvals")
    policy = directory / "policy.yaml"
    policy.write_text(POLICY)
    with ExitStack() as stack:
        redis = stack.enter_context(redis_running(directory / "redis"))
        server = stack.enter_context(changing_server())
        server.tools = [PAY]
        server.headers = {"Mcp-Session-Id": "of-the-server"}
        deployment = stack.enter_context(
            deployed(
                redis.url,
                directory,
                resource_settings={"DOORWARD_UPSTREAM": server.url, "DOORWARD_POLICY": str(policy)},
            )
        )
        http = stack.enter_context(httpx2.Client(timeout=60, trust_env=False))
        person = Person(trust_env=False)
        stack.callback(person.close)
        client = Client.register(deployment.issuer, http, client_name="An agent")
        token = client.connect(person, resource=deployment.mcp_url)["access_token"]
        yield Paying(deployment, server, person, token)


@pytest.fixture
def paying(deployment: Paying) -> Paying:
    deployment.server.ran.clear()
    deployment.server.arguments.clear()
    return deployment


@pytest.mark.parametrize("revision", ERAS)
async def test_a_client_that_opens_links_calls_once_the_person_has_approved(
    revision: str, paying: Paying
) -> None:
    decisions = ["approve", "deny"]

    async def opened(_context: object, params: ElicitRequestParams) -> ElicitResult:
        assert isinstance(params, ElicitRequestURLParams)
        await paying.decide(params.url, decisions.pop(0))
        return ElicitResult(action="accept")

    async def pay(client: McpClient) -> None:
        arguments = {"to": "bob", "revision": revision}
        if ERAS[revision] == "legacy":
            with pytest.raises(MCPError) as raised:
                await client.call_tool("pay", arguments)
            (elicitation,) = UrlElicitationRequiredError.from_error(raised.value.error).elicitations
            await opened(None, elicitation)
        result = await client.call_tool("pay", arguments)
        assert not result.is_error, result.content

    mode = ERAS[revision]
    async with connected(paying.url, paying.token, mode, elicitation_callback=opened) as client:
        await pay(client)
        assert paying.server.arguments == [{"to": "bob", "revision": revision}]
        # The same call again needs an approval of its own, and this one is denied.
        with pytest.raises(MCPError) as denied:
            await pay(client)
        assert denied.value.error.data["reason_code"] == "approval_denied"
    assert decisions == []
    assert len(paying.server.ran) == 1


async def test_of_edited_and_parallel_calls_only_the_approved_one_runs_and_once(
    paying: Paying, tmp_path: Path
) -> None:
    async with connected(paying.url, paying.token, "legacy") as client:
        link = await paying.attempt(client, amount=11)
        account = await asyncio.to_thread(paying.person.open, f"{paying.deployment.issuer}/account")
        assert link.rpartition("/")[2] in account.text
        assert "The call is approved" in await paying.decide(link, "approve")
        edited = await paying.attempt(client, amount=12)
        assert edited != link
        assert paying.server.ran == []
        results = await asyncio.gather(
            *(client.call_tool("pay", {"amount": 11}) for _ in range(PARALLEL)), return_exceptions=True
        )
        assert sum(not isinstance(each, BaseException) and not each.is_error for each in results) == 1
        assert await paying.attempt(client, amount=11) not in (link, edited)
    assert paying.server.arguments == [{"amount": 11}]
    settings = paying.deployment.auth[0].settings
    done = doorward("audit", "search", "--limit", "1000", "--json", cwd=tmp_path, **settings)
    events = [event for event in map(json.loads, done.stdout.splitlines()) if event.get("name") == "pay"]
    used = [event for event in events if event.get("action") == "approval of a call used"]
    approved = [event["approval"] for event in events if event.get("action") == "call approved"]
    assert sorted(event["approval"] for event in used) == sorted(approved)
    assert {event["by"] for event in used} == {used[0]["subject"]}
    calls = [event for event in events if event["kind"].startswith("call")]
    assert len(calls) > len(used)
    assert {event.get("approver") for event in calls} == {"self"}

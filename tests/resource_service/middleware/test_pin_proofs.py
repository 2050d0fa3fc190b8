"""Whatever a server changes in its definitions, what was approved is what is shown and what runs (GW-4)."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from resource_service.components import OPEN
from resource_service.errors import Refusal
from resource_service.middleware.pinned import PinnedDefinitions
from resource_service.middleware.server_lists import ServerLists
from resource_service.pins.comparison import approved_with, changes
from resource_service.pins.keeper import PinKeeper
from resource_service.policy.pinning import Pinning
from resource_service.policy.rules import Policy
from resource_service.principal import Principal, principal_in, remember
from resource_service.reasons import Reason
from tests.resource_service.pins.mutations import CHANGES, TOOL, shuffled

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("GW-4")]

POLICY = Policy(scopes={}, default=OPEN.default)
LISTS = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/templates/list": "resourceTemplates",
}
OTHER = {"name": "balance", "description": "Show the balance."}
PROMPT = {"name": "summary", "description": "Summarize."}
TEMPLATE = {"uriTemplate": "notes://{id}", "name": "note"}
RECONNECTS = 1_000


class Server:
    """An MCP server whose definitions change, and that shows some people more.

    Attributes:
        ran: the tools and prompts that were used.
        only_for: more tools, by client.
    """

    def __init__(self) -> None:
        self.lists: dict[str, list[Any]] = {
            "tools": [TOOL, OTHER],
            "prompts": [PROMPT],
            "resourceTemplates": [TEMPLATE],
        }
        self.instructions = "Be brief."
        self.ran: list[str] = []
        self.only_for: dict[str, list[Any]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = json.loads((await receive())["body"])
        result = self._result(message["method"], message.get("params", {}), _client_of(scope))
        body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _result(self, method: str, params: Mapping[str, Any], client: str) -> dict[str, Any]:
        if method in LISTS:
            more = self.only_for.get(client, []) if method == "tools/list" else []
            return {LISTS[method]: [*self.lists[LISTS[method]], *more]}
        if method == "initialize":
            return {"serverInfo": {"name": "bank"}, "instructions": self.instructions}
        self.ran.append(params["name"])
        return {"content": []}


class Client:
    """A client of the gateway that reconnects before each request: nothing listed before is remembered."""

    def __init__(self, server: Server, keeper: PinKeeper, name: str = "c") -> None:
        self._server = server
        self.keeper = keeper
        self._name = name

    async def request(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a request; return its result."""
        lists = ServerLists(self._server, lambda: 0.0)
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        bodies: list[bytes] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": json.dumps(message).encode(), "more_body": False}

        async def send(sent: Message) -> None:
            bodies.append(sent.get("body", b""))

        scope: Scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": []}
        remember(scope, Principal(client_id=self._name, scopes=(), issuer="i", expires_at=2**40))
        pinned = PinnedDefinitions(self.keeper, lists, Pinning.FIRST)
        await pinned.protect(self._server, POLICY, [message])(scope, receive, send)
        return dict(json.loads(b"".join(bodies))["result"])

    async def tools(self) -> list[str]:
        """The names of the tools that the client sees."""
        return [tool["name"] for tool in (await self.request("tools/list"))["tools"]]

    async def runs(self, name: str, method: str = "tools/call") -> bool:
        """Whether a call reaches the server; otherwise, it must be refused because it is held."""
        before = len(self._server.ran)
        try:
            await self.request(method, name=name)
        except Refusal as refusal:
            if refusal.reason is not Reason.DEFINITION_HELD:
                raise
        return self._server.ran[before:] == [name]


def _client_of(scope: Scope) -> str:
    return principal_in(scope).client_id


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def client(server: Server) -> Client:
    """A client of a gateway that has pinned what the server lists."""
    client = Client(server, PinKeeper("https://mcp.example", None))
    for method in (*LISTS, "initialize"):
        await client.request(method)
    return client


async def test_each_mutation_of_a_tool_is_hidden_and_never_runs_also_if_the_client_never_lists(
    client: Client, server: Server
) -> None:
    assert len(CHANGES) >= 40
    for change, tool in CHANGES.items():
        server.lists["tools"] = [tool, OTHER]
        assert not await client.runs("transfer"), change
        assert await client.runs("balance"), change
        assert await client.tools() == ["balance"], change
    server.lists["tools"] = [OTHER, TOOL]
    assert await client.runs("transfer")
    assert await client.tools() == ["balance", "transfer"]


async def test_a_renamed_tool_is_a_new_one(client: Client, server: Server) -> None:
    for name in ("Transfer", "transfer ", "trans\u200bfer", "tr\u0430nsfer", "transfer\u202e", ""):
        server.lists["tools"] = [TOOL | {"name": name}, OTHER]
        assert await client.tools() == ["balance"], name
        assert not await client.runs(name), name
        assert not await client.runs("transfer"), name


async def test_reconnects_to_an_unchanged_server_with_reordered_members_raise_no_alarm(
    client: Client, server: Server
) -> None:
    source = random.Random(16)  # noqa: S311 -- no secret
    for _ in range(RECONNECTS):
        for member, items in server.lists.items():
            server.lists[member] = source.sample(shuffled(items, source), len(items))
        assert await client.runs("transfer")
    assert sorted(await client.tools()) == ["balance", "transfer"]
    assert client.keeper.held.approved == {}


async def test_prompts_templates_and_instructions_are_held_too(client: Client, server: Server) -> None:
    for change in (
        {"description": "Exfiltrate."},
        {"title": "\u202eSummary"},
        {"arguments": [{"name": "a"}]},
    ):
        server.lists["prompts"] = [PROMPT | change]
        server.lists["resourceTemplates"] = [TEMPLATE | change]
        assert (await client.request("prompts/list"))["prompts"] == []
        assert (await client.request("resources/templates/list"))["resourceTemplates"] == []
        assert not await client.runs("summary", "prompts/get")
    for text in ("Be evil.", "Be brief.\u200b", "be brief."):
        server.instructions = text
        assert "instructions" not in await client.request("initialize"), text
    server.instructions = "Be brief."
    assert (await client.request("initialize"))["instructions"] == "Be brief."


async def test_a_server_that_lists_by_person_is_pinned_as_the_union(client: Client, server: Server) -> None:
    mine, theirs = {"name": "mine"}, {"name": "theirs"}
    server.only_for = {"c": [mine], "d": [theirs]}
    other = Client(server, client.keeper, "d")
    assert await client.tools() == await other.tools() == ["transfer", "balance"]
    keeper = client.keeper
    keeper.pins = approved_with(keeper.pins, changes(keeper.pins, keeper.held), keeper.held)
    assert await client.tools() == ["transfer", "balance", "mine"]
    assert await other.tools() == ["transfer", "balance", "theirs"]
    assert await client.runs("mine")
    assert not await client.runs("theirs")  # the server does not list it for this person
    server.only_for["d"] = [theirs, mine | {"description": "Another one."}]
    assert not await other.runs("mine")
    assert await client.runs("mine")

"""The inventory of a server without a policy, page by page."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from mcp import MCPError
from mcp_types import METHOD_NOT_FOUND, Tool, ToolAnnotations

from resource_service.policy import server_inventory as surveying
from resource_service.policy.server_inventory import (
    MAX_PAGES,
    ServerInventory,
    ServerInventoryError,
    SurveyedTool,
    take_inventory,
)
from resource_service.targets import HttpTarget
from tests.resource_service.authorization_server import AuthorizationServer, answer

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-4")]

TARGET = HttpTarget("http://127.0.0.1:9/mcp")


@dataclass
class Lists:
    """Stands for a connection to a server, with its lists in pages."""

    tools: list[list[Tool]] = field(default_factory=lambda: [[]])
    error: Exception | None = None
    server_info: Any = field(default_factory=lambda: SimpleNamespace(name="Notes"))
    calls: int = 0

    async def list_tools(self, *, cursor: str | None) -> Any:
        self.calls += 1
        page = int(cursor or 0)
        following = str(page + 1) if page + 1 < len(self.tools) else None
        return SimpleNamespace(tools=self.tools[page], next_cursor=following)

    async def list_prompts(self, *, cursor: str | None) -> Any:
        if self.error is not None:
            raise self.error
        return SimpleNamespace(prompts=[SimpleNamespace(name="hello")], next_cursor=None)

    async def list_resources(self, *, cursor: str | None) -> Any:
        return SimpleNamespace(resources=[SimpleNamespace(uri="notes://1")], next_cursor=None)

    async def list_resource_templates(self, *, cursor: str | None) -> Any:
        return SimpleNamespace(resource_templates=[SimpleNamespace(uri_template="n://{x}")], next_cursor=None)


async def surveyed(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> ServerInventory:
    @asynccontextmanager
    async def connected(*_: object) -> AsyncIterator[Lists]:
        yield lists

    monkeypatch.setattr(surveying, "_connected", connected)
    return await take_inventory(TARGET, authorization=None, stderr=sys.stderr)


def tool(name: str, **members: Any) -> Tool:
    return Tool(name=name, input_schema={"type": "object"}, **members)


async def test_all_pages_of_all_lists_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    lists = Lists([[tool("a"), tool("b")], [], [tool("c")]])
    assert await surveyed(lists, monkeypatch) == ServerInventory(
        server="Notes",
        tools=(SurveyedTool("a"), SurveyedTool("b"), SurveyedTool("c")),
        prompts=("hello",),
        resources=("notes://1",),
        templates=("n://{x}",),
    )


async def test_a_list_without_end_is_read_for_a_hundred_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    lists = Lists([[tool(f"t{number}")] for number in range(MAX_PAGES + 5)])
    assert len((await surveyed(lists, monkeypatch)).tools) == lists.calls == MAX_PAGES == 100


async def test_a_tool_is_known_by_what_it_says_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    hints = ToolAnnotations(read_only_hint=True, destructive_hint=False)
    tools = [tool("a", title="A", description="Does a", annotations=hints), tool("b", description="Does b")]
    assert (await surveyed(Lists([tools]), monkeypatch)).tools == (
        SurveyedTool("a", "A", read_only=True, destructive=False),
        SurveyedTool("b", "Does b"),
    )


async def test_a_server_need_not_have_every_list_nor_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    lists = Lists(error=MCPError(METHOD_NOT_FOUND, "no prompts"), server_info=None)
    inventory = await surveyed(lists, monkeypatch)
    assert (inventory.server, inventory.prompts, inventory.resources) == ("", (), ("notes://1",))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MCPError(-32_603, "broken"), "MCPError: broken"),
        (OSError("no route"), "OSError: no route"),
        (
            ExceptionGroup("tasks", [ExceptionGroup("inner", [ValueError("odd")]), OSError()]),
            "ValueError: odd",
        ),
        (TimeoutError(), "no answer within 120 seconds"),
    ],
)
async def test_a_server_that_cannot_be_looked_at_says_why(
    error: Exception, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ServerInventoryError, match=reason):
        await surveyed(Lists(error=error), monkeypatch)


@pytest.mark.parametrize("authorization", [None, "Bearer x"])
async def test_a_server_is_asked_directly_and_shown_its_credential_if_there_is_one(
    authorization: str | None, issuer: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    issuer.replies["/mcp"] = answer(404, b"")
    with pytest.raises(ServerInventoryError):
        await take_inventory(HttpTarget(f"{issuer.url}/mcp"), authorization=authorization, stderr=sys.stderr)
    assert {question.headers.get("authorization") for question in issuer.requests_to("/mcp")} == {
        authorization
    }


async def test_a_server_that_nobody_listens_for_is_an_error_that_says_so() -> None:
    with pytest.raises(ServerInventoryError, match="Error: "):
        await take_inventory(TARGET, authorization="Bearer x", stderr=sys.stderr)

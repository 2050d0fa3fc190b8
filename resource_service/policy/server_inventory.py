"""Take inventory of an MCP server without a policy: its lists, and the annotations of its tools."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TextIO, TypeVar

import httpx2
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import METHOD_NOT_FOUND, Tool

from resource_service.targets import HttpTarget, StdioTarget, Target
from shared.idle_connections import CLIENT_S

WITHIN_S = 120.0
"""The command may have to download its program first."""

MAX_PAGES = 100

Item = TypeVar("Item")
Page = tuple[list[Item], str | None]


@dataclass(frozen=True, slots=True)
class SurveyedTool:
    """A tool as it describes itself (MCP, *Tool annotations*): unverified hints.

    Attributes:
        read_only, destructive: None if the tool does not say.
    """

    name: str
    about: str = ""
    read_only: bool | None = None
    destructive: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerInventory:
    """Everything that a server lists.

    Attributes:
        resources: URIs; `templates` are URI templates.
    """

    server: str
    tools: tuple[SurveyedTool, ...] = ()
    prompts: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()


class ServerInventoryError(Exception):
    """The server cannot be inspected; the message says why."""


async def take_inventory(target: Target, *, authorization: str | None, stderr: TextIO) -> ServerInventory:
    """Connect to a server and request its lists.

    Args:
        authorization: the server's own credential, if it requires one.
        stderr: receives the standard error of a command.

    Raises:
        ServerInventoryError: the server does not answer, or not as an MCP server.
    """
    try:
        async with asyncio.timeout(WITHIN_S), _connected(target, authorization, stderr) as client:
            return ServerInventory(
                server=client.server_info.name if client.server_info else "",
                tools=tuple([_tool(tool) async for tool in _all(lambda at: _tools(client, at))]),
                prompts=tuple([name async for name in _all(lambda at: _prompts(client, at))]),
                resources=tuple([uri async for uri in _all(lambda at: _resources(client, at))]),
                templates=tuple([uri async for uri in _all(lambda at: _templates(client, at))]),
            )
    except TimeoutError:
        raise ServerInventoryError(f"no answer within {WITHIN_S:.0f} seconds") from None
    except (httpx2.HTTPError, MCPError, OSError, ValueError, ExceptionGroup) as error:
        raise ServerInventoryError(_reason(error)) from error


@asynccontextmanager
async def _connected(target: Target, authorization: str | None, stderr: TextIO) -> AsyncIterator[Client]:
    headers = {"Authorization": authorization} if authorization else {}
    limits = httpx2.Limits(keepalive_expiry=CLIENT_S)
    async with httpx2.AsyncClient(headers=headers, timeout=WITHIN_S, limits=limits, trust_env=False) as http:
        transport: AbstractAsyncContextManager[Any]
        match target:
            case HttpTarget(url, host):
                if host is not None:
                    http.headers["Host"] = host
                transport = streamable_http_client(url, http_client=http)
            case StdioTarget((command, *arguments)):
                transport = stdio_client(StdioServerParameters(command=command, args=arguments), stderr)
        async with Client(transport) as client:
            yield client


async def _all(page: Callable[[str | None], Awaitable[Page[Item]]]) -> AsyncIterator[Item]:
    """Yield every item of a list, page by page; none if the server has no such list."""
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        try:
            items, cursor = await page(cursor)
        except MCPError as error:
            if error.error.code != METHOD_NOT_FOUND:
                raise
            return
        for item in items:
            yield item
        if cursor is None:
            return


async def _tools(client: Client, cursor: str | None) -> Page[Tool]:
    result = await client.list_tools(cursor=cursor)
    return result.tools, result.next_cursor


async def _prompts(client: Client, cursor: str | None) -> Page[str]:
    result = await client.list_prompts(cursor=cursor)
    return [prompt.name for prompt in result.prompts], result.next_cursor


async def _resources(client: Client, cursor: str | None) -> Page[str]:
    result = await client.list_resources(cursor=cursor)
    return [str(resource.uri) for resource in result.resources], result.next_cursor


async def _templates(client: Client, cursor: str | None) -> Page[str]:
    result = await client.list_resource_templates(cursor=cursor)
    return [template.uri_template for template in result.resource_templates], result.next_cursor


def _tool(tool: Tool) -> SurveyedTool:
    hints = tool.annotations
    return SurveyedTool(
        tool.name,
        tool.title or tool.description or "",
        hints.read_only_hint if hints else None,
        hints.destructive_hint if hints else None,
    )


def _reason(error: BaseException) -> str:
    """Describe the innermost error of the exception groups that the SDK's tasks raise."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"

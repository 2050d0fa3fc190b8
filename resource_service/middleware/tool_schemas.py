"""Header declarations in the schemas of tools, as the MCP server itself lists them.

A call is checked against the schema that its caller sees. Lists are kept for a while, and no call is refused
because of an old list: the server is asked again first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from starlette.types import Scope

from resource_service.messages.mcp_headers import HeaderMismatchError, ToolCall
from resource_service.messages.mcp_parameters import Declared, declared_in
from resource_service.middleware.server_lists import ListMethod, ServerLists

TOOLS = ListMethod("tools/list", "tools")


class ToolSchemas:
    """The header declarations of one MCP server's tools.

    Args:
        lists: the lists of the server.
    """

    def __init__(self, lists: ServerLists) -> None:
        self._lists = lists

    async def check(self, call: ToolCall, scope: Scope) -> None:
        """Check the headers of `call`, from the request of `scope`, against its tool's schema.

        If the server does not list this tool, or any, the check is left to the server.

        Raises:
            HeaderMismatchError: see `ToolCall.check`.
        """
        came_at = self._lists.now()
        listed = await self._lists.get(TOOLS, scope, call.meta)
        try:
            call.check(listed.derive(_declared_by_tool).get(call.tool, {}))
        except HeaderMismatchError:
            if listed.listed_at >= came_at:
                raise
            listed = await self._lists.get(TOOLS, scope, call.meta, since=came_at)
            call.check(listed.derive(_declared_by_tool).get(call.tool, {}))


def _declared_by_tool(items: Iterable[object]) -> Mapping[str, Declared]:
    declared_by_tool: dict[str, Declared] = {}
    for tool in items:
        match tool:
            case {"name": str(name), "inputSchema": schema} if declared := declared_in(schema):
                declared_by_tool[name] = declared
    return declared_by_tool

"""Header declarations in the schemas of tools, as the MCP server itself lists them.

The server is asked for its tools as the caller of the tool, in revision 2026-07-28, which needs no session. A
call is therefore checked against the schema that this caller sees, even before the caller has requested any
list. Lists are cached for a while, and no call is refused because of an old list: the server is asked again
first.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
from starlette.types import ASGIApp, Message, Scope

from resource_service.errors import Refusal
from resource_service.messages.exact_json import dumps
from resource_service.messages.mcp_headers import HeaderMismatchError, ToolCall
from resource_service.messages.mcp_parameters import PARAM, Declared, declared_in
from resource_service.messages.media_type import described_as_json
from resource_service.messages.request_ids import note_request_ids
from resource_service.policy.event_stream import Events
from resource_service.principal import PrincipalKey, principal_in
from shared.asgi import replay
from shared.logs import get_logger

KEPT_S = 300.0
KEPT_UNLISTED_S = 60.0
LISTED_WITHIN_S = 60.0
MAX_PAGES = 50
MAX_PAGE_BYTES = 4_194_304
MAX_PRINCIPALS = 1_000
_ID = 0
METHOD = "tools/list"

_OF_THE_PROTOCOL = "io.modelcontextprotocol/"

ByTool = Mapping[str, Declared]

_log = get_logger(__name__)


class _UnlistedError(Exception):
    """The server gave no valid list of tools."""


@dataclass(slots=True)
class _CachedTools:
    """The cached list for one principal, and its expiry; concurrent callers wait for one request."""

    asking: anyio.Lock = field(default_factory=anyio.Lock)
    tools: ByTool = field(default_factory=dict)
    listed_at: float = float("-inf")
    until: float = float("-inf")


class ToolSchemas:
    """The header declarations of one MCP server's tools.

    Args:
        app: the server, behind the guard.
        monotonic: a monotonic clock in seconds.
    """

    def __init__(self, app: ASGIApp, monotonic: Callable[[], float]) -> None:
        self._app = app
        self._monotonic = monotonic
        self._by_principal: OrderedDict[PrincipalKey, _CachedTools] = OrderedDict()

    async def check(self, call: ToolCall, scope: Scope) -> None:
        """Check the headers of `call`, from the request of `scope`, against its tool's schema.

        If the server does not list this tool, or any, the check is left to the server.

        Raises:
            HeaderMismatchError: see `ToolCall.check`.
        """
        cached = self._of(principal_in(scope).key)
        came_at = self._monotonic()
        if cached.until <= came_at:
            await self._list(cached, scope, call, since=came_at)
        try:
            call.check(cached.tools.get(call.tool, {}))
        except HeaderMismatchError:
            if cached.listed_at >= came_at:
                raise
            await self._list(cached, scope, call, since=came_at)
            call.check(cached.tools.get(call.tool, {}))

    def _of(self, key: PrincipalKey) -> _CachedTools:
        cached = self._by_principal.get(key)
        if cached is None:
            self._by_principal[key] = cached = _CachedTools()
        self._by_principal.move_to_end(key)
        if len(self._by_principal) > MAX_PRINCIPALS:
            self._by_principal.popitem(last=False)
        return cached

    async def _list(self, cached: _CachedTools, scope: Scope, call: ToolCall, *, since: float) -> None:
        """Ask the server for its list, unless another caller has since."""
        async with cached.asking:
            if cached.listed_at >= since:
                return
            kept_s = KEPT_S
            try:
                with anyio.fail_after(LISTED_WITHIN_S):
                    cached.tools = await self._all_pages(scope, call)
            except (TimeoutError, Refusal, _UnlistedError) as error:
                _log.info(
                    "tools cannot be listed; the MCP server must check their headers", reason=str(error)
                )
                cached.tools, kept_s = {}, KEPT_UNLISTED_S
            cached.listed_at = self._monotonic()
            cached.until = cached.listed_at + kept_s

    async def _all_pages(self, scope: Scope, call: ToolCall) -> ByTool:
        declared_by_tool: dict[str, Declared] = {}
        meta = {name: value for name, value in call.meta.items() if name.startswith(_OF_THE_PROTOCOL)}
        cursor: dict[str, str] = {}
        for _ in range(MAX_PAGES):
            listed = await self._page(scope, {"_meta": meta, **cursor})
            for tool in listed["tools"]:
                match tool:
                    case {"name": str(name), "inputSchema": schema} if declared := declared_in(schema):
                        declared_by_tool[name] = declared
            if not isinstance(listed.get("nextCursor"), str):
                break
            cursor = {"cursor": listed["nextCursor"]}
        return declared_by_tool

    async def _page(self, scope: Scope, params: Mapping[str, Any]) -> dict[str, Any]:
        message = {"jsonrpc": "2.0", "id": _ID, "method": METHOD, "params": params}
        body, answer = dumps(message), _Answer()
        await self._app(_list_request(scope, body), replay(body, _never), answer)
        match answer.message:
            case {"result": dict(result)} if isinstance(result.get("tools"), list):
                return result
            case _:
                raise _UnlistedError("the server did not return a list of tools")


def _list_request(scope: Scope, body: bytes) -> Scope:
    """Build the request for a list, from the same caller as that of `scope`."""
    ours = (b"mcp-method", b"mcp-name", b"accept", b"accept-encoding", b"last-event-id")
    others = [
        (name, value)
        for name, value in scope["headers"]
        if name not in ours and not name.startswith(PARAM.encode())
    ]
    list_headers = [
        (b"mcp-method", METHOD.encode()),
        (b"accept", b"application/json, text/event-stream"),
        (b"accept-encoding", b"identity"),
    ]
    inner = described_as_json({**scope, "headers": [*others, *list_headers]}, body)
    note_request_ids(inner, [_ID])
    return inner


async def _never() -> Message:
    await anyio.sleep_forever()
    raise AssertionError("this is never reached")


class _Answer:
    """A `send` that captures the message that answers the request, from a JSON body or from events.

    Attributes:
        message: the captured message, or None.
    """

    def __init__(self) -> None:
        self.message: object = None
        self._body = b""
        self._events: Events | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            fields = {name.lower(): value.strip().lower() for name, value in message["headers"]}
            if fields.get(b"content-type", b"").startswith(b"text/event-stream"):
                self._events = Events(self._read, max_bytes=MAX_PAGE_BYTES)
        elif message["type"] == "http.response.body":
            self._take(message.get("body", b""), more=message.get("more_body", False))

    def _take(self, chunk: bytes, *, more: bool) -> None:
        if self._events is not None:
            self._events.feed(chunk)
            return
        self._body += chunk
        if len(self._body) > MAX_PAGE_BYTES:
            raise _UnlistedError("the list of tools is too large")
        if not more:
            self._read(self._body)

    def _read(self, text: bytes) -> None:
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            return
        if isinstance(message, dict) and message.get("id") == _ID and "method" not in message:
            self.message = message

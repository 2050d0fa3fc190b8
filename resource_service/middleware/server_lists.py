"""Lists of an MCP server, requested by this service as the caller of a request.

The server is asked behind the guard, with the headers of the caller's request: in revision 2026-07-28, which
needs no session, or in the caller's session of an earlier one. A decision therefore depends on what this
caller sees, even before the caller has requested any list.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar, cast

import anyio
from starlette.types import ASGIApp, Message, Scope

from resource_service.errors import Refusal
from resource_service.messages.exact_json import dumps
from resource_service.messages.mcp_parameters import PARAM
from resource_service.messages.media_type import described_as_json
from resource_service.messages.request_ids import next_own_id, note_request_ids
from resource_service.middleware.captured_answer import AnswerTooLargeError, CapturedAnswer
from resource_service.principal import PrincipalKey, principal_in
from shared.asgi import replay
from shared.logs import get_logger

KEPT_S = 300.0
KEPT_UNLISTED_S = 60.0
LISTED_WITHIN_S = 60.0
MAX_PAGES = 50
MAX_PAGE_BYTES = 4_194_304
MAX_LISTS = 1_000
METHOD_NOT_FOUND = -32601
_OF_THE_PROTOCOL = "io.modelcontextprotocol/"

Derived = TypeVar("Derived")

_log = get_logger(__name__)


class ListMethod(NamedTuple):
    """A method that lists something, and the member of its result that contains the list."""

    method: str
    member: str


class UnlistedError(Exception):
    """The server gave no valid list."""


@dataclass(slots=True, kw_only=True)
class Listed:
    """The list of one caller, and its expiry; concurrent requests wait for one request to the server.

    Attributes:
        items: as the server listed them; None if it gave no valid list.
        listed_at: when it was requested, in monotonic seconds.
    """

    asking: anyio.Lock = field(default_factory=anyio.Lock)
    items: tuple[object, ...] | None = None
    listed_at: float = float("-inf")
    until: float = float("-inf")
    _derived: dict[Callable[..., Any], Any] = field(default_factory=dict)

    def derive(self, function: Callable[[tuple[object, ...]], Derived]) -> Derived:
        """Return what `function` makes of the items, which is computed once; of none if there is no list."""
        if function not in self._derived:
            self._derived[function] = function(self.items or ())
        return cast("Derived", self._derived[function])

    def replace(self, items: tuple[object, ...] | None, *, at: float) -> None:
        """Take the answer to a request that was made at `at`."""
        self.items, self.listed_at = items, at
        self.until = at + (KEPT_UNLISTED_S if items is None else KEPT_S)
        self._derived.clear()


class ServerLists:
    """The lists of one MCP server.

    Args:
        app: the server, behind the guard.
        monotonic: a monotonic clock in seconds.
    """

    def __init__(self, app: ASGIApp, monotonic: Callable[[], float]) -> None:
        self._app = app
        self.now = monotonic
        self._lists: OrderedDict[tuple[PrincipalKey, ListMethod], Listed] = OrderedDict()

    async def get(
        self, wanted: ListMethod, scope: Scope, meta: Mapping[str, Any], *, since: float | None = None
    ) -> Listed:
        """Return a list as the caller of `scope` sees it.

        Args:
            meta: the ``_meta`` of the caller's request.
            since: when the list must have been requested at the earliest; by default, any that is kept.
        """
        listed = self._of((principal_in(scope).key, wanted))
        came_at = self.now()
        if listed.until <= came_at or (since is not None and listed.listed_at < since):
            await self._list(listed, wanted, scope, meta, since=came_at if since is None else since)
        return listed

    def forget(self) -> None:
        """Forget what is kept: the server has announced that it changed."""
        for listed in self._lists.values():
            listed.until = listed.listed_at = float("-inf")

    def _of(self, key: tuple[PrincipalKey, ListMethod]) -> Listed:
        listed = self._lists.get(key)
        if listed is None:
            self._lists[key] = listed = Listed()
        self._lists.move_to_end(key)
        if len(self._lists) > MAX_LISTS:
            self._lists.popitem(last=False)
        return listed

    async def _list(
        self, listed: Listed, wanted: ListMethod, scope: Scope, meta: Mapping[str, Any], *, since: float
    ) -> None:
        """Ask the server, unless another caller has since."""
        async with listed.asking:
            if listed.listed_at >= since:
                return
            items: tuple[object, ...] | None = None
            asked_at = self.now()
            try:
                with anyio.fail_after(LISTED_WITHIN_S):
                    items = await self._all_pages(wanted, scope, meta)
            except (TimeoutError, Refusal, UnlistedError, AnswerTooLargeError) as error:
                _log.info(
                    "a list of the MCP server is not available", method=wanted.method, reason=str(error)
                )
            listed.replace(items, at=asked_at)

    async def _all_pages(
        self, wanted: ListMethod, scope: Scope, meta: Mapping[str, Any]
    ) -> tuple[object, ...]:
        items: list[object] = []
        stated = {name: value for name, value in meta.items() if name.startswith(_OF_THE_PROTOCOL)}
        params: dict[str, Any] = {"_meta": stated} if stated else {}
        for _ in range(MAX_PAGES):
            result = await self._page(wanted, scope, params)
            items += result[wanted.member]
            if not isinstance(result.get("nextCursor"), str):
                return tuple(items)
            params = {**params, "cursor": result["nextCursor"]}
        raise UnlistedError("the list has too many pages")

    async def _page(self, wanted: ListMethod, scope: Scope, params: Mapping[str, Any]) -> dict[str, Any]:
        request_id = next_own_id()
        message = {"jsonrpc": "2.0", "id": request_id, "method": wanted.method, "params": params}
        body, answer = dumps(message), CapturedAnswer(request_id, MAX_PAGE_BYTES)
        inner = _list_request(scope, wanted.method, body)
        note_request_ids(inner, [request_id])
        await self._app(inner, replay(body, _never), answer)
        match answer.message:
            case {"result": dict(result)} if isinstance(result.get(wanted.member), list):
                return result
            case {"error": {"code": code}} if code == METHOD_NOT_FOUND:
                return {wanted.member: []}
            case _:
                raise UnlistedError("the server did not return a list")


def _list_request(scope: Scope, method: str, body: bytes) -> Scope:
    """Build the request for a list, from the same caller as that of `scope`."""
    ours = (b"mcp-method", b"mcp-name", b"accept", b"accept-encoding", b"last-event-id")
    others = [
        (name, value)
        for name, value in scope["headers"]
        if name not in ours and not name.startswith(PARAM.encode())
    ]
    list_headers = [
        (b"mcp-method", method.encode()),
        (b"accept", b"application/json, text/event-stream"),
        (b"accept-encoding", b"identity"),
    ]
    return described_as_json({**scope, "headers": [*others, *list_headers]}, body)


async def _never() -> Message:
    await anyio.sleep_forever()
    raise AssertionError("this is never reached")

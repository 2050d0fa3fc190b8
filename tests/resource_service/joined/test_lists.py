"""Large lists are served from what is kept, and one mount does not delay or fail the others (GW-3)."""

from __future__ import annotations

import time
from typing import Any

import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from resource_service.joined.lists import (
    ENTRY_BYTES,
    KEPT_S,
    MAX_BYTES,
    MAX_UNLISTED,
    MEMBERS,
    JoinedList,
    JoinedLists,
    StaleCursorError,
)
from resource_service.messages.exact_json import dumps
from tests.resource_service.joined.mounts import Mount, request_to

pytestmark = pytest.mark.requirement("GW-3")
Json = dict[str, Any]


class Tools(Mount):
    """Answers every request with fifty tools, or with an error."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status

    async def answer(self, message: Json, scope: Scope, receive: Receive, send: Send) -> None:
        schema = {"type": "object", "properties": {f"p{number}": {"type": "string"} for number in range(10)}}
        tools = [
            {"name": f"tool_{number}", "description": "d" * 200, "inputSchema": schema}
            for number in range(50)
        ]
        answer: Json = {"jsonrpc": "2.0", "id": message["id"], "result": {"tools": tools}}
        await JSONResponse(answer if self.status == 200 else {}, self.status)(scope, receive, send)


@pytest.mark.anyio
async def test_twenty_mounts_with_fifty_tools_each_are_listed_within_200_ms_from_memory() -> None:
    mounts = [Tools(200) for _ in range(20)]
    lists, request = JoinedLists(), request_to(*mounts)
    await lists.all("tools/list", request)
    begun = time.process_time()
    joined = await lists.all("tools/list", request)
    text = dumps(joined.page("tools", None))
    assert time.process_time() - begun < 0.2
    assert text.count(b'"name":"m') == 1_000
    assert {len(mount.messages) for mount in mounts} == {1}


@pytest.mark.anyio
async def test_a_change_of_one_mount_is_listed_at_once() -> None:
    mounts = [Tools(200), Tools(200)]
    lists, request = JoinedLists(), request_to(*mounts)
    await lists.all("tools/list", request)
    lists.forget("m1")
    await lists.all("tools/list", request)
    assert [len(mount.messages) for mount in mounts] == [1, 2]


@pytest.mark.anyio
async def test_a_mount_that_fails_is_left_out_and_named() -> None:
    joined = await JoinedLists().all("tools/list", request_to(Tools(503), Tools(200)))
    assert len(joined.items) == 50
    assert set(joined.left_out) == {"m0"}


class Pages(Mount):
    """Returns the same page again and again, each with the cursor of another one if `ends` is false."""

    def __init__(self, *items: Json, ends: bool) -> None:
        super().__init__()
        self.items = items
        self.cursor: Json = {} if ends else {"nextCursor": "more"}

    async def answer(self, message: Json, scope: Scope, receive: Receive, send: Send) -> None:
        result = {MEMBERS[message["method"]]: self.items} | self.cursor
        await JSONResponse({"jsonrpc": "2.0", "id": message["id"], "result": result})(scope, receive, send)


@pytest.mark.anyio
async def test_a_list_that_is_too_large_is_read_no_further() -> None:
    mount = Pages({"name": "a", "description": "d" * (MAX_BYTES // 4)}, ends=False)
    joined = await JoinedLists().all("tools/list", request_to(mount))
    assert "larger than" in joined.left_out["m0"]
    assert len(mount.messages) == 4


@pytest.mark.anyio
async def test_many_names_that_are_too_long_are_left_out_in_linear_time() -> None:
    tools = [{"name": f"{number}-{'n' * 200}", "inputSchema": {}} for number in range(8_000)]
    begun = time.process_time()
    joined = await JoinedLists().all("tools/list", request_to(Pages(*tools, {"name": "short"}, ends=True)))
    assert time.process_time() - begun < 1.5
    assert [item["name"] for item in joined.items] == ["m0_short"]
    assert len(joined.left_out) == MAX_UNLISTED + 1
    assert joined.left_out["…"].startswith(str(len(tools) - MAX_UNLISTED))


@pytest.mark.anyio
async def test_kept_lists_are_dropped_when_they_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("resource_service.joined.lists.steady_clock", lambda: now)
    lists, request = JoinedLists(), request_to(Pages(ends=True))
    await lists.all("tools/list", request)
    await lists.all("prompts/list", request)
    assert len(lists) == 2
    now = KEPT_S
    await lists.all("resources/list", request)
    assert len(lists) == 1


@pytest.mark.anyio
async def test_empty_lists_count_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource_service.joined.lists.MAX_KEPT_BYTES", 3 * ENTRY_BYTES)
    lists, request = JoinedLists(), request_to(Pages(ends=True))
    for method in MEMBERS:
        await lists.all(method, request)
    assert len(lists) == 2


def test_a_cursor_of_a_list_that_has_changed_is_refused() -> None:
    one, other = (JoinedList(items=[{"name": f"{x}{n}"} for n in range(1_500)], left_out={}) for x in "ab")
    first = one.page("tools", None)
    assert len(first["tools"]) == 1_000
    rest = one.page("tools", first["nextCursor"])
    assert [*first["tools"], *rest["tools"]] == one.items
    assert "nextCursor" not in rest
    with pytest.raises(StaleCursorError):
        other.page("tools", first["nextCursor"])
    with pytest.raises(StaleCursorError):
        one.page("tools", "1000")

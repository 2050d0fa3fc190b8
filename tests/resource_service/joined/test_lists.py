"""Large lists are served from what is kept, and one mount does not delay or fail the others (GW-3)."""

from __future__ import annotations

import time
from typing import Any

import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from resource_service.joined.lists import JoinedList, JoinedLists, StaleCursorError
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

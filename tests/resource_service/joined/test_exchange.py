"""Requests of this service to the mounts (GW-3)."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from resource_service.joined.exchange import ask
from resource_service.joined.sessions import Part
from tests.resource_service.joined.mounts import Mount, request_to

pytestmark = pytest.mark.requirement("GW-3")


class Slow(Mount):
    """Answers with the method and the id, once two requests wait."""

    def __init__(self) -> None:
        super().__init__()
        self.both = anyio.Event()

    async def answer(self, message: dict[str, Any], scope: Scope, receive: Receive, send: Send) -> None:
        if len(self.messages) == 2:
            self.both.set()
        with anyio.fail_after(10):
            await self.both.wait()
        content: dict[str, Any] = {"jsonrpc": "2.0", "id": message.get("id"), "result": {}}
        await JSONResponse(content)(scope, receive, send)


@pytest.mark.anyio
async def test_concurrent_requests_in_one_session_have_ids_of_their_own() -> None:
    mount, part = Slow(), Part(session_id=b"s", introduction={})
    request = request_to(mount)
    (section,) = request.sections
    answers: list[object] = []

    async def list_tools() -> None:
        answers.append(
            (await ask(section, request.scope, {"method": "tools/list", "params": {}}, part)).message
        )

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(list_tools)
        tasks.start_soon(list_tools)
    ids = {message["id"] for message in mount.messages}
    assert len(ids) == 2
    assert all(isinstance(answer, dict) and answer["id"] in ids for answer in answers)


@pytest.mark.anyio
async def test_a_notification_has_no_id() -> None:
    mount = Slow()
    mount.both.set()
    request = request_to(mount)
    (section,) = request.sections
    await ask(section, request.scope, {"method": "notifications/initialized"}, None)
    assert "id" not in mount.messages[0]

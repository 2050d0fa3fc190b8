"""A session that a mount no longer has is opened again, and no call runs twice (GW-3)."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from resource_service.errors import Refusal
from resource_service.joined.forwarding import forwarded
from resource_service.joined.parts import SessionLostError, check_session
from resource_service.joined.sessions import JoinedSession, Part
from tests.resource_service.joined.mounts import PRINCIPAL, Mount, never, request_to

pytestmark = pytest.mark.requirement("GW-3")
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "add"}}
READ = {"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "a:b"}}


class Lost(Mount):
    """Opens sessions, and answers everything else with 404."""

    def __init__(self, session_id: str | None) -> None:
        super().__init__()
        self.session_id = session_id
        self.methods: list[object] = []

    async def answer(self, message: dict[str, Any], scope: Scope, receive: Receive, send: Send) -> None:
        self.methods.append(message["method"])
        headers = {} if self.session_id is None else {"mcp-session-id": self.session_id}
        if message["method"] == "initialize":
            result = {"protocolVersion": "2025-11-25", "capabilities": {}}
            content = {"jsonrpc": "2.0", "id": message["id"], "result": result}
            await JSONResponse(content, headers=headers)(scope, receive, send)
        else:
            await JSONResponse({}, 404)(scope, receive, send)


async def statuses(mount: Lost, message: dict[str, Any]) -> list[int]:
    """Forward `message` in a session; return the statuses that the client gets."""
    sent: list[Message] = []

    async def send(answer: Message) -> None:
        sent.append(answer)

    session = JoinedSession(session_id="s", owner=PRINCIPAL.key, params={}, revision="2025-11-25")
    request = request_to(mount, message=message, session=session)
    (section,) = request.sections
    await forwarded(request, section, message, lambda _mount: None)(request.scope, never, send)
    return [answer["status"] for answer in sent if answer["type"] == "http.response.start"]


@pytest.mark.anyio
@pytest.mark.parametrize(("message", "times"), [(CALL, 1), (READ, 2)])
async def test_only_what_reads_is_sent_again_in_another_session(message: dict[str, Any], times: int) -> None:
    mount = Lost("s1")
    with pytest.raises(Refusal):
        await statuses(mount, message)
    assert mount.methods.count(message["method"]) == times


@pytest.mark.anyio
@pytest.mark.parametrize("message", [CALL, READ])
async def test_not_found_of_a_mount_without_sessions_is_its_answer(message: dict[str, Any]) -> None:
    mount = Lost(None)
    assert await statuses(mount, message) == [404]
    assert mount.methods.count(message["method"]) == 1


def test_a_late_answer_does_not_close_the_session_that_replaced_its_own() -> None:
    part = Part(session_id=b"second", introduction={})
    with pytest.raises(SessionLostError):
        check_session(404, part, b"first")
    assert part.is_open
    with pytest.raises(SessionLostError):
        check_session(404, part, b"second")
    assert not part.is_open

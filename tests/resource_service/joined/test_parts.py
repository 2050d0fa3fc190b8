"""The session of a mount in a client's session, and what is kept of it (GW-3)."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from resource_service.joined.exchange import UnavailableError
from resource_service.joined.parts import opened
from resource_service.joined.server_results import MAX_INSTRUCTIONS
from resource_service.joined.sessions import JoinedSession, Part
from resource_service.messages.capabilities import MAX_CAPABILITIES_BYTES, MAX_CAPABILITIES_VALUES
from tests.resource_service.joined.mounts import PRINCIPAL, Mount, request_to

pytestmark = [pytest.mark.requirement("GW-3"), pytest.mark.anyio]


class Introduced(Mount):
    """Answers `initialize` with `result`."""

    def __init__(self, **result: object) -> None:
        super().__init__()
        self.ended: list[bytes] = []
        self.result = {"protocolVersion": "2025-11-25", "capabilities": {}, **result}

    async def answer(self, message: dict[str, Any], scope: Scope, receive: Receive, send: Send) -> None:
        content = {"jsonrpc": "2.0", "id": message.get("id"), "result": self.result}
        await JSONResponse(content, headers={"Mcp-Session-Id": "upstream"})(scope, receive, send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "DELETE":
            self.ended.append(dict(scope["headers"])[b"mcp-session-id"])
            await Response()(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


async def part_of(mount: Mount) -> Part:
    request = request_to(mount)
    session = JoinedSession(session_id="s", owner=PRINCIPAL.key, params={}, revision="2025-11-25")
    (section,) = request.sections
    return await opened(section, session, request.scope)


async def test_only_what_is_used_is_kept_of_the_result_of_initialize() -> None:
    capabilities = {"tools": {"listChanged": True}}
    mount = Introduced(
        capabilities=capabilities,
        instructions="i" * 100_000,
        serverInfo={"name": "n" * 100_000},
        _meta={"m": "m" * 100_000},
    )
    kept = (await part_of(mount)).introduction
    assert kept == {"capabilities": capabilities, "instructions": "i" * MAX_INSTRUCTIONS}


async def test_a_mount_with_too_many_capabilities_is_not_available() -> None:
    several: list[dict[str, object]] = [
        {"x" * MAX_CAPABILITIES_BYTES: {}},
        {"x": [[]] * MAX_CAPABILITIES_VALUES},
    ]
    for extensions in several:
        mount = Introduced(capabilities={"extensions": extensions})
        with pytest.raises(UnavailableError, match="capabilities"):
            await part_of(mount)
        assert mount.ended == [b"upstream"], "its session is not left open"
        assert [message["method"] for message in mount.messages] == ["initialize"]

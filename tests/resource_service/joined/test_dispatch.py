"""The answers of the joined URL itself (GW-3)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from resource_service.joined.dispatch import Dispatch
from resource_service.joined.sections import Section
from tests.resource_service.joined.mounts import Mount, never, request_to

pytestmark = pytest.mark.requirement("GW-3")
Json = dict[str, Any]
INITIALIZE = {"method": "initialize", "id": 1, "params": {"protocolVersion": "2025-11-25"}}
LIST = {"method": "tools/list", "id": 1}


class Fixed(Mount):
    """Answers every request with the same text as its result."""

    def __init__(self, result: str) -> None:
        super().__init__()
        self.result = result

    async def answer(self, message: Json, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json")]
        body = f'{{"jsonrpc":"2.0","id":"{message.get("id")}","result":{self.result}}}'
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body.encode()})


class Broken(Mount):
    """Fails in a way that nobody expected."""

    async def answer(self, message: Json, scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("this was not expected")


async def answered(message: Json, *mounts: Mount) -> tuple[bytes, Json]:
    """Return the media type and the body of the answer, with numbers as their text."""
    request = request_to(*mounts, message=message)
    sections: dict[str, Section] = {section.name: section for section in request.sections}
    app = await Dispatch(name="All", search=False, mounts=sections).answer(request)
    sent: list[Message] = []

    async def send(answer: Message) -> None:
        sent.append(answer)

    await app(request.scope, never, send)
    start, *parts = sent
    body = b"".join(part.get("body", b"") for part in parts)
    body.decode("utf-8")
    return dict(start["headers"])[b"content-type"], json.loads(body, parse_float=str)


@pytest.mark.anyio
async def test_a_list_keeps_numbers_and_text_that_pythons_encoder_refuses() -> None:
    tool = '{"name":"a","description":"\\ud800","inputSchema":{"maximum":1e400}}'
    media_type, message = await answered(LIST, Fixed(f'{{"tools":[{tool}]}}'))
    assert media_type == b"application/json"
    listed = {"name": "m0_a", "description": "\ud800", "inputSchema": {"maximum": "1e400"}}
    assert message["result"]["tools"] == [listed]


@pytest.mark.anyio
async def test_an_introduction_keeps_text_that_pythons_encoder_refuses() -> None:
    introduction = '{"protocolVersion":"2025-11-25","capabilities":{},"instructions":"\\udfff"}'
    _, message = await answered(INITIALIZE, Fixed(introduction))
    assert "\udfff" in message["result"]["instructions"]


@pytest.mark.anyio
async def test_an_unexpected_error_of_one_mount_leaves_out_that_mount() -> None:
    _, message = await answered(LIST, Broken(), Fixed('{"tools":[{"name":"a"}]}'))
    assert [tool["name"] for tool in message["result"]["tools"]] == ["m1_a"]
    assert set(message["result"]["_meta"]["doorward/left-out"]) == {"m0"}
    introduction = '{"protocolVersion":"2025-11-25","capabilities":{"tools":{}}}'
    _, message = await answered(INITIALIZE, Broken(), Fixed(introduction))
    assert message["result"]["capabilities"] == {"tools": {}}
    assert set(message["result"]["_meta"]["doorward/left-out"]) == {"m0"}


@pytest.mark.anyio
async def test_a_tool_is_not_called_for_a_client_that_left_while_it_was_looked_up() -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    mount = Fixed('{"tools":[{"name":"a"}]}')
    arguments = {"name": "m0_a", "arguments": {"x": 1}}
    message = {"method": "tools/call", "id": 1, "params": {"name": "call_tool", "arguments": arguments}}
    request = request_to(mount, message=message)
    sections = {section.name: section for section in request.sections}
    answering = Dispatch(name="All", search=True, mounts=sections).answering(request)
    assert answering is not None
    with pytest.raises(ClientDisconnect):
        await answering.app(request.scope, gone, never)  # type: ignore[arg-type]
    assert [each["method"] for each in mount.messages] == ["tools/list"]

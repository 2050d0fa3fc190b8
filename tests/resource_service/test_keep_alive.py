"""A quiet event stream gets a comment, between events and nowhere else."""

from __future__ import annotations

import asyncio

import pytest
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from resource_service.middleware.endable_response import COMMENT, EndableResponse
from resource_service.middleware.unanswered_errors import UnansweredErrors

START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/event-stream")],
}


@pytest.mark.anyio
@pytest.mark.requirement("RS-15")
async def test_a_quiet_stream_gets_a_comment_at_the_boundary_of_events_only() -> None:
    sent: list[bytes] = []
    commented = asyncio.Event()

    async def send(message: Message) -> None:
        sent.append(message.get("body", b""))
        if sent[-1] == COMMENT:
            commented.set()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": b"data: {", "more_body": True})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(commented.wait(), 0.2)  # ten intervals within an event
        await send({"type": "http.response.body", "body": b"}\n\n", "more_body": True})
        await asyncio.wait_for(commented.wait(), 10)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    answer = EndableResponse(
        scope={"type": "http"},
        receive=receive,
        send=send,
        errors=UnansweredErrors(
            request_id="1", request_ids=[], refuse=lambda *_: Response(), repeatable=False
        ),
        keep_alive_s=0.02,
    )
    await answer.serve(app)
    assert sent[:4] == [b"", b"data: {", b"}\n\n", COMMENT]

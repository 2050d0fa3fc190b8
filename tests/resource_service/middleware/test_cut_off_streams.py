"""A stream whose access has ended gives an error, also if it could be resumed (RS-13, GW-3)."""

from __future__ import annotations

import asyncio
import json

import pytest
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from resource_service.errors import Refusal
from resource_service.introspection.leases import Ending
from resource_service.middleware.endable_response import EVENT_STREAM, EndableResponse
from resource_service.middleware.unanswered_errors import UnansweredErrors

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-13", "GW-3")]

RESUMABLE = b'id: 1\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{}}\n\n'


def _refuse(refusal: Refusal, _: Scope) -> Response:
    raise refusal


async def last_events(ending: Ending) -> bytes:
    """The end of the stream of a call that has sent an event with an id."""
    sent: list[Message] = []
    begun = asyncio.Event()

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", EVENT_STREAM)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": RESUMABLE, "more_body": True})
        begun.set()
        while (await receive())["type"] != "http.disconnect":
            pass

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    answer = EndableResponse(
        scope={"type": "http", "method": "POST", "path": "/mcp"},
        receive=receive,
        send=send,
        errors=UnansweredErrors(request_id="1", request_ids=[7], refuse=_refuse, repeatable=False),
    )
    serving = asyncio.create_task(answer.serve(app))
    await begun.wait()
    answer.end(ending)
    await serving
    body: bytes = sent[-1]["body"]
    return body


@pytest.mark.parametrize("ending", [Ending.REVOKED, Ending.NARROWED])
async def test_a_call_whose_access_has_ended_gets_an_error(ending: Ending) -> None:
    error = json.loads((await last_events(ending)).partition(b"data: ")[2])
    assert (error["id"], error["error"]["message"]) == (7, ending.value)


@pytest.mark.parametrize("ending", [Ending.EXPIRED, Ending.STOPPING, Ending.UNKNOWN])
async def test_a_call_that_may_be_resumed_gets_no_error(ending: Ending) -> None:
    assert await last_events(ending) == b""

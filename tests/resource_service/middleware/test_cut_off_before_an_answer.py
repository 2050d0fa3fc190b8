"""A request whose token ends before anything was answered: clients may repeat what only reads (RS-13)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from resource_service.errors import Refusal
from resource_service.introspection.leases import Ending
from resource_service.messages.request_ids import may_be_repeated, request_ids
from resource_service.middleware.endable_response import EndableResponse
from resource_service.middleware.unanswered_errors import UnansweredErrors

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("RS-13")]


async def cut_off_response(messages: list[object], ending: Ending) -> tuple[int, Any]:
    """The status and the body with which a request for `messages` is ended before its answer began."""
    sent: list[Message] = []
    begun = asyncio.Event()

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        begun.set()
        while (await receive())["type"] != "http.disconnect":
            pass

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    def refuse(refusal: Refusal, _: Scope) -> Response:
        return JSONResponse({"error_description": refusal.description}, refusal.status)

    answer = EndableResponse(
        scope={"type": "http", "method": "POST", "path": "/mcp"},
        receive=receive,
        send=send,
        errors=UnansweredErrors(
            request_id="1",
            request_ids=request_ids(messages),
            refuse=refuse,
            repeatable=may_be_repeated(messages),
        ),
    )
    serving = asyncio.create_task(answer.serve(app))
    await begun.wait()
    answer.end(ending)
    await serving
    return sent[0]["status"], json.loads(sent[1]["body"])


def requested(*methods: str) -> list[object]:
    return [
        {"jsonrpc": "2.0", "id": number, "method": method} for number, method in enumerate(methods, start=1)
    ]


@pytest.mark.parametrize("method", ["initialize", "tools/list", "resources/read", "ping"])
@pytest.mark.parametrize("ending", [Ending.REVOKED, Ending.EXPIRED])
async def test_what_only_reads_is_401_so_that_clients_log_in(method: str, ending: Ending) -> None:
    assert (await cut_off_response(requested(method), ending))[0] == 401


@pytest.mark.parametrize("ending", [Ending.STOPPING, Ending.UNKNOWN])
async def test_what_only_reads_is_503_with_the_reason(ending: Ending) -> None:
    body = {"error_description": ending.value}
    assert await cut_off_response(requested("tools/list"), ending) == (503, body)


@pytest.mark.parametrize(
    "methods", [("tools/call",), ("tools/list", "tools/call"), ("x/unknown",), ("subscriptions/listen",)]
)
async def test_what_may_have_been_done_is_an_error_so_that_nothing_is_done_twice(
    methods: tuple[str, ...],
) -> None:
    status, body = await cut_off_response(requested(*methods), Ending.REVOKED)
    errors = body if isinstance(body, list) else [body]
    assert (status, [error["error"]["code"] for error in errors]) == (200, [-32000] * len(methods))


@pytest.mark.parametrize("message", [None, [], "tools/list", {}, {"method": ["ping"]}, {"method": None}])
async def test_what_is_not_a_message_is_not_repeated(message: object) -> None:
    assert not may_be_repeated([message])

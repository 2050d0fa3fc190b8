"""Messages to send, and answers for a scripted upstream to give."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2

from shared.cli.why.entries import Entry
from shared.cli.why.remedies import remedy
from shared.cli.why.story import entries_of, scenes_of
from tests.resource_service.authorization_server import Question, Reply, answer
from tests.resource_service.service import Service

MESSAGE = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "Mcp-Protocol-Version": "2025-11-25",
}
LISTEN = {"Accept": "text/event-stream", "Mcp-Protocol-Version": "2025-11-25"}
PING: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
INITIALIZE: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


def chunked(body: Callable[[Callable[[bytes], Awaitable[None]]], Awaitable[None]], *headers: str) -> Reply:
    """Answer in chunks: `body` is given a way to write one."""

    async def reply(_question: Question, writer: asyncio.StreamWriter) -> None:
        async def write(chunk: bytes) -> None:
            writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            await writer.drain()

        lines = ["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", *headers, "", ""]
        writer.write("\r\n".join(lines).encode())
        await body(write)
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    return reply


def results(*headers: str) -> Reply:
    """Answer every request of what comes with an empty result."""

    async def reply(question: Question, writer: asyncio.StreamWriter) -> None:
        posted = json.loads(question.body or b"{}")
        messages = posted if isinstance(posted, list) else [posted]
        answers = [
            {"jsonrpc": "2.0", "id": message["id"], "result": {}} for message in messages if "id" in message
        ]
        document = answers if isinstance(posted, list) or not answers else answers[0]
        body = json.dumps(document).encode()
        await answer(200, body, "Content-Type: application/json", *headers)(question, writer)

    return reply


def error_code(response: httpx2.Response) -> str:
    """The code for programs, in either form that an error of the gateway has."""
    error = response.json()["error"]
    code: str = error["data"]["error"] if isinstance(error, dict) else error
    return code


def resident_bytes(service: Service) -> int:
    """How much memory a service holds."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def check_remedy(service: Service, response: httpx2.Response) -> str:
    """The advice of `doorward why` about the request."""
    entries = [Entry("log", line) for line in service.log(response.headers["x-request-id"])]
    advice = remedy(entries)
    assert advice is not None, entries
    return advice


def check_explained(service: Service, response: httpx2.Response, reason: str) -> None:
    """`doorward why` tells the reason for the answer, a pattern, and what is to be done about it."""
    request_id = response.headers["x-request-id"]
    entries = entries_of(request_id, (Entry("log", line) for line in service.log(request_id)))
    story = "\n".join(sentence for scene in scenes_of(entries) for sentence in scene.sentences)
    assert re.search(reason, story), story
    check_remedy(service, response)

"""A small authorization server on a real socket that answers what a test tells it to.

It speaks HTTP/1.1 by hand, so that it can also do what no framework would: hang, stall in the middle of an
answer, break off, or send rubbish.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar
from urllib.parse import parse_qs

from shared.journal.chain import read_entry
from shared.journal.delivery import EVENTS_PATH, read_delivery
from shared.pinned_definitions import DEFINITIONS_PATH

Reply = Callable[["Question", asyncio.StreamWriter], Awaitable[None]]
Result = TypeVar("Result")

REVOCATIONS = "/revocations"


@dataclass(frozen=True)
class Question:
    """A request that came in.

    Attributes:
        headers: the last of each name.
        header_lines: all of them, in order.
    """

    method: str
    target: str
    headers: dict[str, str]
    header_lines: tuple[tuple[str, str], ...]
    body: bytes

    def header_values(self, name: str) -> list[str]:
        """Each value of a header."""
        return [value for other, value in self.header_lines if other == name]

    @property
    def form(self) -> dict[str, str]:
        """The body's form fields, the last of each name."""
        return {name: values[-1] for name, values in parse_qs(self.body.decode()).items()}


def answer(status: int, body: bytes, *headers: str) -> Reply:
    """Answer with `status` and `body`."""

    async def reply(_question: Question, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers, "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        await writer.drain()

    return reply


def answer_json(document: object, status: int = 200) -> Reply:
    """Answer with a JSON document."""
    return answer(status, json.dumps(document).encode(), "Content-Type: application/json")


async def hang(_question: Question, _writer: asyncio.StreamWriter) -> None:
    """Take the question and never answer."""
    await asyncio.Event().wait()


async def trickle(_question: Question, writer: asyncio.StreamWriter) -> None:
    """Begin a response, and continue it a byte at a time without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def break_off(_question: Question, writer: asyncio.StreamWriter) -> None:
    """Close the connection instead of answering."""
    writer.close()


async def speak_nonsense(_question: Question, writer: asyncio.StreamWriter) -> None:
    """Send something that is not HTTP."""
    writer.write(b"\x00\x01 this is not HTTP\r\n\r\n")
    await writer.drain()
    writer.close()


@dataclass
class AuthorizationServer:
    """Runs in a thread of its own, on a port of its own, between `start` and `stop`.

    Attributes:
        tokens: what introspection says of each token; others are inactive.
        replies: what a path answers instead, while it is in here.
        questions: everything that was asked, but for `unprompted`.
        unprompted: the polls of the feed of revocations, the deliveries of the journal and the reports of
            pinned definitions, which the service sends at times of its own.
    """

    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    replies: dict[str, Reply] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    unprompted: list[Question] = field(default_factory=list)
    port: int = 0

    def start(self) -> Self:
        """Begin to listen, on the same port as before if it was stopped."""
        self._loop = asyncio.new_event_loop()
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._connected, "127.0.0.1", self.port or None))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        """Close every connection and the port."""
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """Its issuer."""
        return f"http://127.0.0.1:{self.port}"

    def requests_to(self, path: str = "/introspect") -> list[Question]:
        """The questions that were put to `path`."""
        return [question for question in self.questions if question.target.partition("?")[0] == path]

    async def _close(self) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    def _call(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        try:
            while question := await _read(reader):
                is_unprompted = question.target in (REVOCATIONS, EVENTS_PATH, DEFINITIONS_PATH)
                (self.unprompted if is_unprompted else self.questions).append(question)
                await self._reply(question, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _reply(self, question: Question, writer: asyncio.StreamWriter) -> None:
        path = question.target.partition("?")[0]
        reply = self.replies.get(path) or self.replies.get("*") or self._usual(path, question)
        await reply(question, writer)

    def _usual(self, path: str, question: Question) -> Reply:
        if path == EVENTS_PATH:
            return answer_json({"through": last_sequence(question.body)})
        if path != "/introspect":
            return answer_json({"error": "not_found"}, 404)
        return answer_json(self.tokens.get(question.form.get("token", ""), {"active": False}))


def last_sequence(delivery: bytes) -> int:
    """The last entry of a delivery of the journal."""
    sequence: int = read_entry(read_delivery(delivery).writes[-1].rpartition(b"\n")[2])["sequence"]
    return sequence


async def _read(reader: asyncio.StreamReader) -> Question | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    request, *lines = head.strip().split("\r\n")
    method, target, _ = request.split(" ")
    pairs = (line.partition(":") for line in lines)
    header_lines = tuple((name.lower(), value.strip()) for name, _, value in pairs)
    headers = dict(header_lines)
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Question(method, target, headers, header_lines, body)

"""Between the resource server and the authorization server: it counts, and can be shut by path."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from tests.resource_service.authorization_server import AuthorizationServer, Question, Reply, break_off


class Gate:
    """Lets everything through to the port it leads to, but for the paths that are shut."""

    def __init__(self) -> None:
        self._server = AuthorizationServer(replies={"*": self._pass})
        self._leads_to: int | None = None

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def introspections(self) -> int:
        """How many questions about tokens came through or were stopped."""
        return len(self._server.requests_to())

    def lead_to(self, port: int) -> None:
        """From now on, to what listens at this port of this machine."""
        self._leads_to = port

    def shut(self, path: str, reply: Reply) -> None:
        """Answer everything at `path` like this."""
        self._server.replies[path] = reply

    def open(self) -> None:
        """Let everything through again."""
        for path in [path for path in self._server.replies if path != "*"]:
            del self._server.replies[path]

    @contextmanager
    def standing(self) -> Iterator[None]:
        self._server.start()
        try:
            yield
        finally:
            self._server.stop()

    async def _pass(self, question: Question, writer: asyncio.StreamWriter) -> None:
        try:
            reader, there = await asyncio.open_connection("127.0.0.1", self._leads_to)
        except OSError:
            await break_off(question, writer)
            return
        try:
            there.write(_written(question))
            writer.write(await _read(reader))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            await break_off(question, writer)
        finally:
            there.close()


def _written(question: Question) -> bytes:
    headers = {name: value for name, value in question.headers.items() if name != "connection"}
    lines = [f"{name}: {value}" for name, value in {**headers, "connection": "close"}.items()]
    return (
        "\r\n".join([f"{question.method} {question.target} HTTP/1.1", *lines, "", ""]).encode()
        + question.body
    )


async def _read(reader: asyncio.StreamReader) -> bytes:
    """An answer, without what it says of its connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
    length = next(int(line.partition(":")[2]) for line in head if line.lower().startswith("content-length:"))
    kept_lines = [line for line in head if not line.lower().startswith("connection:")]
    return "\r\n".join([*kept_lines, "", ""]).encode("latin-1") + await reader.readexactly(length)

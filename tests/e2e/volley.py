"""Many requests at one moment: written down beforehand, sent over connections that are open.

An HTTP client library takes a millisecond over each request, which would make two hundred of them arrive one
after the other. Here all are on their way before the first is answered.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

TIMEOUT_S = 60
IDLE_S = 2.0
"""The server closes a connection that has been idle for 5 s."""


@dataclass(frozen=True)
class Answer:
    """The response, with its body byte for byte."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> dict[str, Any]:
        members: dict[str, Any] = json.loads(self.body)
        return members


def post(path: str, fields: Mapping[str, str], authorization: str | None = None) -> bytes:
    """A request that posts a form."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if authorization:
        headers["Authorization"] = authorization
    return request("POST", path, headers, urlencode(fields))


def request(method: str, path: str, headers: Mapping[str, str], body: str = "") -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{name}: {value}" for name, value in headers.items()]
    length = f"Content-Length: {len(body)}"
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", length, *lines, "", body]).encode()


class Line:
    """One open connection to a server on this machine, for one request after the other."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used_at = 0.0

    async def be_open(self) -> None:
        """Open the connection; open it again if it was idle long enough for the server to close it."""
        now = asyncio.get_running_loop().time()
        if now - self._used_at > IDLE_S:
            await self.close()
            self._streams = await asyncio.open_connection("127.0.0.1", self.port)
        self._used_at = now

    async def send(self, request: bytes) -> Answer:
        """Send a request over the open connection and wait for its answer."""
        assert self._streams
        reader, writer = self._streams
        writer.write(request)
        return await asyncio.wait_for(_answer(reader), TIMEOUT_S)

    async def close(self) -> None:
        if self._streams:
            self._streams[1].close()
            await self._streams[1].wait_closed()
            self._streams = None


async def _answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Answer(int(head[0].split()[1]), body, headers)


class Battery:
    """Open connections to some servers; line n leads to server n modulo their number."""

    def __init__(self, lines: Sequence[Line], servers: int) -> None:
        self.lines = lines
        self.servers = servers

    def over(self, servers: int) -> Battery:
        """The connections to the first so many servers."""
        return Battery([line for n, line in enumerate(self.lines) if n % self.servers < servers], servers)

    def shuffled(self, chance: random.Random) -> Battery:
        """The connections in another order."""
        return Battery(chance.sample(self.lines, len(self.lines)), self.servers)

    async def fire(self, requests: Iterable[bytes]) -> list[Answer]:
        """Send each request over a connection of its own, all at once; the answers in the same order."""
        sent = list(requests)
        assert len(sent) <= len(self.lines)
        used = self.lines[: len(sent)]
        await asyncio.gather(*(line.be_open() for line in used))
        return await asyncio.gather(*(line.send(request) for line, request in zip(used, sent, strict=True)))


@asynccontextmanager
async def battery(ports: Sequence[int], connections: int) -> AsyncIterator[Battery]:
    """So many connections to the servers on these ports, evenly spread."""
    lines = [Line(ports[number % len(ports)]) for number in range(connections)]
    try:
        yield Battery(lines, len(ports))
    finally:
        for line in lines:
            await line.close()

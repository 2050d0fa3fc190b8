"""Puts a program that uses fixed names of tools in front of a joined URL, as the mount that has them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import httpx2

from tests.gateway.token_proxy import TokenProxy, serving
from tests.resource_service.service import Service, bearer

_NAMING = ("tools/", "prompts/", "resources/", "completion/")
"""How methods begin whose parameters name something of a mount."""

_HOP_BY_HOP = frozenset({"host", "connection", "content-length", "transfer-encoding"})


class NamesProxy(TokenProxy):
    """Adds a token, and the name of a mount to all that a client names; removes it from what it gets."""

    def __init__(self, service: Service, token: str, mount: str) -> None:
        super().__init__(0, token)
        self._url = service.resource
        self._authorization = bearer(token)
        self._mount = mount
        self._uri = re.compile(rf'"{mount}\+'.encode())
        self._name = re.compile(rf'("(?:name|logger)": ?"){mount}_'.encode())

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(ConnectionError, asyncio.IncompleteReadError):
            request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            fields = (line.partition(": ") for line in lines if line)
            headers = {name.lower(): value for name, _, value in fields}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            async with (
                httpx2.AsyncClient(trust_env=False, timeout=None) as client,
                client.stream(
                    request.partition(" ")[0],
                    self._url,
                    headers=self._headers(headers),
                    content=self._joined(body) if body else None,
                ) as response,
            ):
                await self._answer(response, writer)

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        sent = {name: value for name, value in headers.items() if name not in _HOP_BY_HOP}
        if "mcp-name" in sent and sent.get("mcp-method", "").startswith(_NAMING):
            separator = "+" if "://" in sent["mcp-name"] else "_"
            sent["mcp-name"] = f"{self._mount}{separator}{sent['mcp-name']}"
        return sent | self._authorization | {"accept-encoding": "identity"}

    async def _answer(self, response: httpx2.Response, writer: asyncio.StreamWriter) -> None:
        fields = [f"{name}: {value}" for name, value in response.headers.items() if name not in _HOP_BY_HOP]
        head = [f"HTTP/1.1 {response.status_code} X", *fields, "connection: close", "", ""]
        writer.write("\r\n".join(head).encode("latin-1"))
        rest = b""
        async for chunk in response.aiter_raw():
            whole, newline, rest = (rest + chunk).rpartition(b"\n")
            writer.write(self._own(whole + newline))
            await writer.drain()
        writer.write(self._own(rest))
        await writer.drain()

    def _own(self, text: bytes) -> bytes:
        return self._name.sub(rb"\1", self._uri.sub(b'"', text))

    def _joined(self, body: bytes) -> bytes:
        message: dict[str, Any] = json.loads(body)
        params = message.get("params") or {}
        method = str(message.get("method", ""))
        if method.startswith(_NAMING):
            self._rename(params)
            self._rename(params.get("ref") or {})
        wanted = params.get("notifications") or {}
        if "resourceSubscriptions" in wanted:
            wanted["resourceSubscriptions"] = [
                f"{self._mount}+{uri}" for uri in wanted["resourceSubscriptions"]
            ]
        return json.dumps(message).encode()

    def _rename(self, named: dict[str, Any]) -> None:
        for member, separator in (("name", "_"), ("uri", "+")):
            if isinstance(named.get(member), str):
                named[member] = f"{self._mount}{separator}{named[member]}"


@contextmanager
def as_mount(service: Service, token: str, mount: str) -> Iterator[int]:
    """The port of a proxy to the joined URL of `service`, for the length of the context."""
    with serving(NamesProxy(service, token, mount)) as port:
        yield port

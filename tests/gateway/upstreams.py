"""MCP servers as child processes, and how to talk to them through the gateway."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.cli.command import python_environment
from tests.forking.process import Process, launcher, start
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, running
from tests.servers import free_port, wait_until

ROOT = Path(__file__).resolve().parents[2]
ERAS = {"2026-07-28": "2026-07-28", "2025-11-25": "legacy"}
"""Revision to the mode of the SDK's client that speaks it."""

PATIENCE = {"introspection_timeout_s": "60", "upstream_connect_timeout_s": "30"}
"""For gateways: the issuer is a thread of the process that runs the tests, and that is busy."""


@dataclass
class Upstream:
    """An MCP server on a port that outlives its crashes.

    Args:
        command: ends with the port; where `environment` names ``PORT``, that is set instead.
        forked: whether the command is a module of ours and its arguments, to be forked.
    """

    command: Sequence[str]
    environment: dict[str, str]
    log_file: Path
    port: int
    forked: bool = False
    process: Process | None = None

    @property
    def url(self) -> str:
        """Its MCP endpoint."""
        return f"http://127.0.0.1:{self.port}/mcp"

    def start(self) -> None:
        """Start it; return once it listens."""
        with self.log_file.open("ab") as log:
            self.process = self._forked(log) if self.forked else self._executed(log)
        wait_until(self._listens, timeout_s=60)

    def _forked(self, log: IO[bytes]) -> Process:
        return start(*self.command, environment=python_environment(**self.environment), output=log)

    def _executed(self, log: IO[bytes]) -> Process:
        return subprocess.Popen(
            self.command,
            env={**os.environ, "PYTHONPATH": str(ROOT), **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )

    def kill(self) -> None:
        """End it as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def _listens(self) -> bool:
        assert self.process
        assert self.process.poll() is None, self.log_file.read_text()
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False


@contextmanager
def gateway(
    issuer: AuthorizationServer, directory: Path, upstream: str, **settings: str
) -> Iterator[Service]:
    """The gateway to `upstream`."""
    with running(issuer, directory, **{"upstream": upstream, **PATIENCE, **settings}) as service:
        yield service


@contextmanager
def python_upstream(
    program: str | Path, directory: Path, *, python: str = sys.executable, arguments: Sequence[str] = ()
) -> Iterator[Upstream]:
    """The server in a module, forked, or in a script, over Streamable HTTP; its last argument is its port."""
    port = free_port()
    forked = not isinstance(program, Path)
    command = [*([] if forked else [python]), str(program), *arguments, str(port)]
    log_file = directory / f"upstream-{port}.log"
    with running_upstream(Upstream(command, {}, log_file, port, forked)) as upstream:
        yield upstream


@contextmanager
def node_upstream(command: Sequence[str], directory: Path) -> Iterator[Upstream]:
    """A server that reads its port from ``PORT``, over Streamable HTTP."""
    port = free_port()
    upstream = Upstream(command, {"PORT": str(port)}, directory / f"upstream-{port}.log", port)
    with running_upstream(upstream) as running:
        yield running


@contextmanager
def running_upstream(upstream: Upstream) -> Iterator[Upstream]:
    """`upstream`, for the length of the context."""
    try:
        upstream.start()
        yield upstream
    finally:
        upstream.kill()


def stdio(*command: str) -> str:
    """`command` as the setting names it."""
    return f"stdio:{shlex.join(command)}"


def python_stdio(module: str) -> str:
    """The server in `module`, over stdio. A process gets none of our environment, so the path is said."""
    return stdio("/usr/bin/env", f"PYTHONPATH={ROOT}", sys.executable, "-m", module)


def forked_stdio(module: str, *arguments: str) -> str:
    """The server in `module`, over stdio, forked behind the process that the gateway starts."""
    return stdio(*launcher(module, *arguments, environment=python_environment()))


@asynccontextmanager
async def connected(url: str, token: str, mode: str = "auto", **options: Any) -> AsyncIterator[Client]:
    """The official client, connected to `url` with `token`."""
    async with (
        httpx2.AsyncClient(headers=bearer(token), timeout=60, trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode, **options) as client,
    ):
        yield client


async def called(client: Client, tool: str, **arguments: object) -> str:
    """Call a tool; the text of its answer."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return "".join(getattr(content, "text", "") for content in result.content)

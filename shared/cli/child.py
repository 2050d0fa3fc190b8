"""Run a service as a child process, with its log in a file and its warnings on the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import shared
from shared.cli.console import errors
from shared.cli.log_file import LogFile

_IMPORTS_FROM = str(Path(shared.__file__).resolve().parents[1])
_MAX_LINE_BYTES = 1 << 20
_NEW_ENTRY = re.compile(r"\d{4}-\d\d-\d\dT")
_WORTH_SHOWING = re.compile(r"\S+ \[(warning|error|critical) *]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service to run.

    Attributes:
        name: for messages to people.
        arguments: of the ``doorward`` command, except for the address to listen on.
        host: the address to listen on.
        environment: the complete environment.
        health_url: answers 200 once the service is ready.
        log: the file that receives all output of the service.
        ca_file: the authorities that certify `health_url`; None for those of the machine.
    """

    name: str
    arguments: tuple[str, ...]
    host: str
    environment: dict[str, str]
    health_url: str
    log: Path
    ca_file: Path | None = None


class Child:
    """A running service; `running` starts and stops one."""

    def __init__(self, service: Service, process: Process) -> None:
        self.service = service
        self.last_lines: deque[str] = deque(maxlen=20)
        self._process = process
        self._end = asyncio.create_task(self._run())

    async def ended(self) -> int:
        """Wait until the process has ended and its output is read; return the exit status."""
        return await asyncio.shield(self._end)

    async def stop(self, grace_s: float) -> None:
        """Ask the process to end; kill it after `grace_s` seconds."""
        for ask in (self._process.terminate, self._process.kill):
            with contextlib.suppress(ProcessLookupError):
                ask()
            await asyncio.wait({self._end}, timeout=grace_s)

    async def _run(self) -> int:
        await self._keep_what_it_says()
        return await self._process.wait()

    async def _keep_what_it_says(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 -- for the type checker: stdout is a pipe
        showing = False
        with LogFile(self.service.log) as log:
            async for line in _lines(stdout):
                log.write(line)
                text = line.decode(errors="replace").rstrip()
                self.last_lines.append(text)
                showing = bool(_WORTH_SHOWING.match(text)) or (showing and not _NEW_ENTRY.match(text))
                if showing:
                    errors.print(f"{self.service.name}: {text}", style="yellow", markup=False)


@contextlib.asynccontextmanager
async def running(service: Service, *, grace_s: float) -> AsyncIterator[Child]:
    """Run `service` for the duration of the context."""
    # In a new session, so that Ctrl-C reaches only this process, which then stops the children in order. The
    # child's standard input closes when this process ends, even by SIGKILL, and that stops the child.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "shared.cli", *service.arguments),
        *("--host", service.host, "--until-stdin-closes"),
        env={**service.environment, "PYTHONPATH": _python_path(service.environment), "PYTHONUNBUFFERED": "1"},
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
        start_new_session=True,
        limit=_MAX_LINE_BYTES,
    )
    child = Child(service, process)
    try:
        yield child
    finally:
        await child.stop(grace_s)


def _python_path(environment: dict[str, str]) -> str:
    return os.pathsep.join(filter(None, (_IMPORTS_FROM, environment.get("PYTHONPATH"))))


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        try:
            line = await stream.readline()
        except ValueError:  # an overlong line must not stall the service
            continue
        if not line:
            return
        yield line

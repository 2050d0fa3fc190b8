"""One service as a child process: its log in a file, its warnings on the terminal, never left behind."""

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
    """A service to be run.

    Attributes:
        name: as a person calls it.
        arguments: of the ``doorward`` command.
        environment: all of it.
        health_url: answers 200 once the service is ready.
        log: the file that gets everything the service says.
    """

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    health_url: str
    log: Path


class Child:
    """A service that runs; `running` starts one and sees to its end."""

    def __init__(self, service: Service, process: Process) -> None:
        self.service = service
        self.last_lines: deque[str] = deque(maxlen=20)
        self._process = process
        self._end = asyncio.create_task(self._run())

    async def ended(self) -> int:
        """Wait for its end, and for its last words; the exit status."""
        return await asyncio.shield(self._end)

    async def stop(self, grace_s: float) -> None:
        """Ask it to end; after `grace_s` seconds, end it."""
        for ask in (self._process.terminate, self._process.kill):
            with contextlib.suppress(ProcessLookupError):
                ask()
            await asyncio.wait({self._end}, timeout=grace_s)

    async def _run(self) -> int:
        await self._keep_what_it_says()
        return await self._process.wait()

    async def _keep_what_it_says(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 -- for the type checker: it was asked for
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
    """Start `service`; when the context is left, it has ended."""
    # A session of its own: Ctrl-C reaches only this process, which then ends the children in good order. Its
    # standard input is the leash: it closes when this process goes, even by a signal that cannot be caught.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "shared.cli", *service.arguments, "--until-stdin-closes"),
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
        except ValueError:  # longer than any log line has a reason to be: the service must not stall on it
            continue
        if not line:
            return
        yield line

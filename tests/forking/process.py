"""Processes that the fork server has made, with the interface of `subprocess.Popen`."""

from __future__ import annotations

import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Protocol

from tests.forking.request import PID_BYTES, Descriptors, Request, send

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = ROOT / "tests" / "forking" / "launch.py"
_READ_AT_START = ("PYTHON", "LC_", "LANG", "TZ", "COLUMNS", "LINES", "TERM", "NO_COLOR", "FORCE_COLOR")
"""Prefixes of variables that an interpreter or a library reads once, at startup."""


class Process(Protocol):
    """The interface of a process that the tests need; `subprocess.Popen` has it, too."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


class ForkedProcess:
    """A process that is a child of the fork server.

    Attributes:
        returncode: its exit status once `poll` or `wait` has seen its end; negative for a signal.
    """

    def __init__(self, pid: int, status: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._status = status

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; its exit status.

        Raises:
            subprocess.TimeoutExpired: it still runs after `timeout` seconds.
        """
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            # Nothing was written: it was killed with the server.
            self.returncode = int(os.read(self._status, 16) or -signal.SIGKILL)
            os.close(self._status)
        return self.returncode

    def send_signal(self, sig: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class ForkServer:
    """A fork server, and its end of the socket.

    Attributes:
        address: where it listens for `tests.forking.launch`.
        interpreter: a program that runs a module as ``python -P -m`` does, by a fork.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._lock = threading.Lock()
        self._directory = TemporaryDirectory(prefix="forking-")
        self.address = f"{self._directory.name}/socket"
        self.interpreter = self._write_interpreter()
        self._channel, other = socket.socketpair()
        with other, socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.address)
            listener.listen()
            descriptors = [other.fileno(), listener.fileno()]
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "tests.forking.server", *map(str, descriptors)],
                env=environment,
                cwd=ROOT,
                pass_fds=descriptors,
                start_new_session=True,
            )

    def start(self, request: Request, streams: Sequence[int]) -> ForkedProcess:
        """A new process."""
        stdin, stdout, stderr = streams
        status, written = os.pipe()
        try:
            with self._lock:
                numbers = Descriptors(stdin=stdin, stdout=stdout, stderr=stderr, status=written)
                send(self._channel, request, numbers)
                pid = int.from_bytes(self._channel.recv(PID_BYTES, socket.MSG_WAITALL), "big")
        finally:
            os.close(written)
        assert pid, "the fork server has ended"
        return ForkedProcess(pid, status)

    def _write_interpreter(self) -> str:
        program = Path(self._directory.name) / "python"
        launch = shlex.join([sys.executable, "-S", "-E", str(LAUNCH), self.address])
        program.write_text(f'#!/bin/sh\nshift 2  # -P -m\nexec {launch} "$@"\n')
        program.chmod(0o700)
        return str(program)

    def end(self) -> None:
        """End it, and what it has started."""
        self._channel.close()
        self._process.wait()
        self._directory.cleanup()


_servers: dict[frozenset[tuple[str, str]], ForkServer] = {}


def end_servers() -> None:
    """End the fork servers of this process, and what they have started."""
    while _servers:
        _servers.popitem()[1].end()


def start(
    module: str,
    *arguments: str,
    environment: Mapping[str, str],
    output: IO[Any],
    errors: IO[Any] | None = None,
    standard_input: IO[Any] | None = None,
    directory: Path = ROOT,
    strict: bool = False,
    cheap_hashes: bool = True,
    forks_others: bool = False,
) -> Process:
    """Start `module` as ``python -P -m`` does, in the environment that `tests.cli.command` makes.

    Args:
        errors: where standard error goes; with standard output if left out.
        standard_input: empty if left out.
        strict: whether warnings are errors.
        cheap_hashes: whether it hashes passwords in under a millisecond, not at the cost of a deployment.
        forks_others: whether the modules that it runs itself are forked, too. It then leads a session.
    """
    server = _server(environment)
    request = Request(
        module=module,
        arguments=list(arguments),
        environment=dict(environment),
        directory=str(directory),
        strict=strict,
        cheap_hashes=cheap_hashes,
        new_session=forks_others,
        executable=server.interpreter if forks_others else "",
    )
    with Path(os.devnull).open("rb") as nothing:
        streams = (standard_input or nothing, output, errors or output)
        return server.start(request, [stream.fileno() for stream in streams])


def launcher(module: str, *arguments: str, environment: Mapping[str, str]) -> list[str]:
    """A command for others to start, which runs `module` in a process that is forked.

    It passes on its streams, environment and directory, and SIGTERM. In a list of processes there are two.

    Args:
        environment: decides what interpreter it is; the module gets that of the command.
    """
    program = [sys.executable, "-S", "-E", str(LAUNCH)]
    return [*program, _server(environment).address, module, *arguments]


def _server(environment: Mapping[str, str]) -> ForkServer:
    """The server for `environment`: one for each set of the variables that are read at the start."""
    read_at_start = {name: value for name, value in environment.items() if name.startswith(_READ_AT_START)}
    key = frozenset(read_at_start.items())
    if key not in _servers:
        others = {name: value for name, value in os.environ.items() if not name.startswith(_READ_AT_START)}
        _servers[key] = ForkServer({**others, **read_at_start})
    return _servers[key]

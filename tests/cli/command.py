"""The `doorward` command as a person runs it: a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from tests.forking.process import Process, start
from tests.servers import free_port, is_healthy, wait_until

ROOT = Path(__file__).resolve().parents[2]
MODULE = "shared.cli"
DOORWARD = (sys.executable, "-P", "-m", MODULE)
READY = "Press Ctrl-C to stop"


def environment(**settings: str) -> dict[str, str]:
    """This machine's environment without its DOORWARD_ settings, and with `settings`."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("DOORWARD_")}
    return {**outside, **settings}


def python_environment(**settings: str) -> dict[str, str]:
    """`environment` for a Python that imports this project, on a narrow terminal."""
    return environment(**{"PYTHONPATH": str(ROOT), "COLUMNS": "40", **settings})


def doorward(
    *arguments: str, cwd: Path, stdin: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    with TemporaryFile("w+") as typed, TemporaryFile("w+") as output, TemporaryFile("w+") as errors:
        typed.write(stdin)
        typed.seek(0)
        process = start(
            MODULE,
            *arguments,
            environment=python_environment(**settings),
            output=output,
            errors=errors,
            standard_input=typed,
            directory=cwd,
        )
        try:
            status = process.wait(timeout=60)
        finally:
            process.kill()
        for written in (output, errors):
            written.seek(0)
        return subprocess.CompletedProcess(arguments, status, output.read(), errors.read())


@dataclass
class Up:
    """A `doorward up` with ports of its own, as leader of a process group of its own."""

    process: Process
    directory: Path
    auth_port: int
    resource_port: int

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.auth_port}"

    @property
    def output(self) -> str:
        """The output so far."""
        return (self.directory / "output").read_text()

    def pid_of(self, service: str) -> int:
        """The process id of ``auth`` or ``resource``, by its log."""
        log = (self.directory / ".doorward" / f"{service}.log").read_text()
        process_ids = re.findall(r"Started server process \[(\d+)]", log)
        assert process_ids, log
        return int(process_ids[-1])

    def interrupt(self) -> None:
        """Ctrl-C: SIGINT to everyone in the terminal's foreground process group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def ended(self) -> int:
        """Wait for its end; the exit status."""
        return self.process.wait(timeout=30)

    def answers(self, service: str) -> bool:
        """Whether ``auth`` or ``resource`` answers on its port."""
        port = self.auth_port if service == "auth" else self.resource_port
        return is_healthy(f"http://localhost:{port}")


@contextmanager
def up(directory: Path, *arguments: str, **settings: str) -> Iterator[Up]:
    """`doorward up` in `directory`, ready; ended when the context is left. All its processes are forked."""
    with _up(directory, (free_port(), free_port()), arguments, settings, _fork) as running:
        yield running


@contextmanager
def up_executed(directory: Path, **settings: str) -> Iterator[Up]:
    """The same, executed as by a user, which takes 3 s of processor time more."""
    with _up(directory, (free_port(), free_port()), (), settings, _execute) as running:
        yield running


@contextmanager
def up_again(before: Up, **settings: str) -> Iterator[Up]:
    """The same once more, after it has ended."""
    with _up(before.directory, (before.auth_port, before.resource_port), (), settings, _fork) as running:
        yield running


@contextmanager
def _hang_up_not_ignored() -> Iterator[None]:
    """As from a terminal, also where the tests themselves were started with nohup, which is inherited."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _fork(arguments: list[str], directory: Path, settings: dict[str, str]) -> Process:
    with (directory / "output").open("w") as output:
        environment = python_environment(**settings)
        return start(
            MODULE, *arguments, environment=environment, output=output, directory=directory, forks_others=True
        )


def _execute(arguments: list[str], directory: Path, settings: dict[str, str]) -> Process:
    with (directory / "output").open("w") as output, _hang_up_not_ignored():
        return subprocess.Popen(
            [*DOORWARD, *arguments],
            cwd=directory,
            env=python_environment(**settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@contextmanager
def _up(
    directory: Path,
    ports: tuple[int, int],
    arguments: tuple[str, ...],
    settings: dict[str, str],
    start_up: Callable[[list[str], Path, dict[str, str]], Process],
) -> Iterator[Up]:
    auth_port, resource_port = ports
    options = ["--auth-port", str(auth_port), "--resource-port", str(resource_port), *arguments]
    process = start_up(["up", *options], directory, settings)
    running = Up(process, directory, auth_port, resource_port)
    try:
        wait_until(lambda: READY in running.output or process.poll() is not None, timeout_s=60)
        yield running
    finally:
        process.terminate()
        running.ended()

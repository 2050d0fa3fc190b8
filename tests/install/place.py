"""A clean clone, and the environment of a newcomer: a new home, and few programs."""

from __future__ import annotations

import os
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.command import READY
from tests.servers import two_free_ports

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 1800
PROGRAMS = ("sh", "dirname", "cat", "cksum", "rm", "realpath", "make")
"""Besides Python: make, and what its targets call."""
KEPT = ("LANG", "DOCKER_HOST", "DOCKER_BUILDKIT", "COMPOSE_DOCKER_CLI_BUILD", "PYTHON_IMAGE", "REDIS_IMAGE")
KEPT_PREFIXES = ("PIP_", "SSL_")
"""Variables by which a machine reaches its package index and its container engine."""
BROWSER = """
import sys
from urllib.parse import parse_qs, urlencode, urlsplit
import httpx2
from tests.flow import Person
[redirect_uri] = parse_qs(urlsplit(sys.argv[3]).query)["redirect_uri"]
answer = Person(*sys.argv[1:3], trust_env=False).authorize(sys.argv[3])
httpx2.get(f"{redirect_uri}?{urlencode(answer)}", trust_env=False)
"""
"""A browser in which a person logs in and allows the client."""


class Place:
    """Where one way of installing is tried.

    Args:
        directory: empty. programs: on the path, besides `PROGRAMS` and Python.

    Attributes:
        clone: the working directory, a clean clone of the last commit.
    """

    def __init__(self, directory: Path, *programs: Path) -> None:
        self.clone, self.home = directory / "doorward", directory / "home"
        self.auth_port = two_free_ports()
        self.resource_port = self.auth_port + 1
        self._bin = directory / "bin"
        self._began_at = self._spent_s = 0.0
        for folder in (self.home, self._bin):
            folder.mkdir()
        python = Path(sys.base_prefix, "bin", "python3").resolve()
        for name, program in {"python3": python, **{path.name: path for path in programs}}.items():
            (self._bin / name).symlink_to(program)
        for name in PROGRAMS:
            (self._bin / name).symlink_to(shutil.which(name) or name)
        subprocess.run(["git", "clone", "-q", str(ROOT), str(self.clone)], check=True)

    @property
    def environment(self) -> dict[str, str]:
        """The environment, without what the user of this machine has set."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in KEPT or name.startswith(KEPT_PREFIXES)
        }
        return {**kept, "HOME": str(self.home), "PATH": str(self._bin)}

    @property
    def ports(self) -> list[str]:
        """The options of `doorward up` for the ports."""
        return ["--auth-port", str(self.auth_port), "--resource-port", str(self.resource_port)]

    def begin(self) -> None:
        """Start the clocks."""
        self._began_at, self._spent_s = time.monotonic(), _processor_s()

    def elapsed(self) -> tuple[float, float]:
        """Seconds since `begin`, and the processor time of the processes that have ended since."""
        return time.monotonic() - self._began_at, _processor_s() - self._spent_s

    def run(self, *command: str, typed: str = "", **variables: str) -> str:
        """Run a command to its end; what it printed.

        Raises:
            RuntimeError: it failed; with the end of its output.
        """
        done = subprocess.run(
            self._found(command),
            cwd=self.clone,
            env=self.environment | variables,
            input=typed,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{shlex.join(command)}: {(done.stdout + done.stderr)[-2000:]}")
        return done.stdout

    @contextmanager
    def running(self, *command: str) -> Iterator[None]:
        """Run `doorward up` by a command, from when it says that it is ready to the end of the context.

        Raises:
            RuntimeError: it ended before; with the end of its output.
        """
        with subprocess.Popen(
            self._found(command),
            cwd=self.clone,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            assert process.stdout
            lines: list[str] = []
            for line in process.stdout:
                lines.append(line)
                if READY in line:
                    break
            else:
                raise RuntimeError(f"{shlex.join(command)}: {''.join(lines)[-2000:]}")
            try:
                yield
            finally:
                os.killpg(process.pid, signal.SIGINT)
                process.stdout.close()
                process.wait(timeout=60)

    def call_tool(self, username: str = "wesen", password: str = "secret") -> None:
        """Log in, and call a tool with the client of the tutorial, which uses the MCP SDK for Python."""
        (browser := self.home / "browser.py").write_text(BROWSER)
        log_in = shlex.join([sys.executable, str(browser), username, password, "%s"])
        url = f"http://localhost:{self.resource_port}/mcp"
        client = [sys.executable, str(ROOT / "docs" / "examples" / "call_tool.py"), url, "whoami"]
        printed = self.run(*client, BROWSER=log_in, PYTHONPATH=str(ROOT))
        if username not in printed:
            raise RuntimeError(f"the tool answered {printed}")

    def _found(self, command: tuple[str, ...]) -> list[str]:
        """The command with the path that the newcomer's shell would find."""
        program = shutil.which(command[0], path=str(self._bin)) or command[0]
        return [program, *command[1:]]


def _processor_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime

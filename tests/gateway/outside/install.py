"""MCP servers and clients of others, installed once beside this file, unseen by git, as the locks say."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.machine import OTHER_PYTHON, require

HERE = Path(__file__).parent
FASTMCP_LOCK = HERE.parents[1] / "verifiers" / "fastmcp.lock"
"""One environment for every suite with a FastMCP server: it takes a while to make."""
_INSTALL_TIMEOUT_S = 600
_GO_OPTIONS = ("-mod=readonly", "-gcflags=all=-N -l", "-ldflags=-s -w")
"""Neither optimized nor for a debugger: with the standard library, that takes three fifths of the time."""


@cache
def everything() -> list[str]:
    """The command of the reference server; it takes ``stdio`` or ``streamableHttp``."""
    require("node")
    with _installing(HERE / "node_modules", HERE / "package-lock.json") as missing:
        if missing:
            _run("npm", "ci", "--loglevel=error")
    script = HERE / "node_modules/@modelcontextprotocol/server-everything/dist/index.js"
    return [shutil.which("node") or "node", str(script)]


def express() -> list[str]:
    """The command of the ledger made with the TypeScript SDK; it takes a file, and a port for HTTP."""
    everything()  # installs what it imports
    return [shutil.which("node") or "node", str(HERE / "express.mjs")]


def supergateway(*, stdio_command: list[str], port: int) -> list[str]:
    """The command of supergateway, in front of a command that speaks stdio."""
    everything()
    program = [shutil.which("node") or "node", str(HERE / "node_modules/supergateway/dist/index.js")]
    arguments = ["--outputTransport", "streamableHttp", "--port", str(port), "--streamableHttpPath", "/mcp"]
    return [*program, "--stdio", shlex.join(stdio_command), *arguments]


@cache
def mcp_go() -> list[str]:
    """The command of the ledger made with mcp-go; it takes a file, and a port for HTTP."""
    return _go("mcp_go", "ledger")


@cache
def go_json() -> list[str]:
    """The command that reads messages with Go's encoding/json."""
    return _go("go_json", "go_json")


def express_body() -> list[str]:
    """The command that reads bodies as Express does."""
    everything()  # installs what it imports
    return [shutil.which("node") or "node", str(HERE / "body.mjs")]


def _go(module: str, name: str) -> list[str]:
    require("go")
    program = HERE / ".go" / name
    with (HERE / module / "main.go").open() as held:  # go locks go.mod and go.sum itself
        fcntl.flock(held, fcntl.LOCK_EX)
        _run("go", "build", *_GO_OPTIONS, "-o", str(program), ".", directory=HERE / module)
    return [str(program)]


def fastmcp_python() -> str:
    """A Python that has FastMCP, its server and its client, and what we depend on, but nothing of ours."""
    return _locked_python(FASTMCP_LOCK)


@cache
def _locked_python(lock: Path) -> str:
    """A Python that has what `lock` says, in ``.venv`` beside it."""
    require(OTHER_PYTHON)
    venv = lock.parent / ".venv"
    python = str(venv / "bin" / "python")
    what = ("--quiet", "--no-deps", "--require-hashes", "-r", str(lock))
    with _installing(venv, lock) as missing:
        if missing and (uv := shutil.which("uv")):
            _run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(venv))
            _run(uv, "pip", "install", "--python", python, *what)
        elif missing:
            # pip of this environment: that of another would have to be installed, too.
            _run(sys.executable, "-m", "venv", "--without-pip", "--clear", str(venv))
            _run(sys.executable, "-m", "pip", "--python", python, "install", "--no-compile", *what)
    return python


@contextmanager
def _installing(directory: Path, lock: Path) -> Iterator[bool]:
    """Whether `directory` has yet to be made from `lock`; one test process at a time finds out."""
    stamp, wanted = directory / ".ready", hashlib.sha256(lock.read_bytes()).hexdigest()
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        missing = not stamp.exists() or stamp.read_text() != wanted
        yield missing
        stamp.write_text(wanted)


def _run(*command: str, directory: Path = HERE) -> None:
    done = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, "CI": "true", "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        timeout=_INSTALL_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}{done.stderr}"

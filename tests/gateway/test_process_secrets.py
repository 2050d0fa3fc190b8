"""A command behind the gateway runs as the user of the service, and finds no secret of the service."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from resource_service.gateway.process import ServerProcess
from tests.cli.command import python_environment
from tests.gateway.exchange import INITIALIZE, MESSAGE
from tests.resource_service.authorization_server import AuthorizationServer
from tests.resource_service.service import Service, bearer, token_for
from tests.servers import free_port, wait_until

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        sys.platform != "linux" or shutil.which("setpriv") is None,
        reason="needs Linux and setpriv (util-linux)",
    ),
]

SNOOP = """
import json, os, pathlib, sys, time
found = []
for process in pathlib.Path("/proc").iterdir():
    try:
        if sys.argv[2].encode() in (process / "environ").read_bytes():
            found.append(f"{process}/environ")
    except OSError:
        pass
try:
    open(f"/proc/{os.getppid()}/mem", "rb")
    found.append("memory of the service")
except OSError:
    pass
pathlib.Path(sys.argv[1]).write_text(json.dumps(found))
sys.stdin.read()
"""

# Only SIGKILL ends it: it neither reads its input, which ends with the service, nor takes hints.
STUBBORN = """
import pathlib, signal, sys, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
    signal.signal(number, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).write_text("started")
while True:
    time.sleep(1)
"""

# As the image has it: without capabilities. To the kernel root without any is a user like others.
POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--")


@contextmanager
def snooped(
    issuer: AuthorizationServer, directory: Path, *before: str, workers: int = 1, code: str = SNOOP
) -> Iterator[tuple[Service, Path]]:
    """`doorward resource` in front of a command that looks for the service's secret, and where it says so."""
    program, findings, log_file = (directory / name for name in ("snoop.py", "found.json", "log"))
    program.write_text(code)
    secret, port = f"{uuid.uuid4()}-{uuid.uuid4()}", free_port()
    # The command looks for the first half, which is not in its own environment.
    command = f"{sys.executable} {program} {findings} {secret[:36]}"
    settings = {
        "DOORWARD_RESOURCE": f"http://127.0.0.1:{port}/mcp",
        "DOORWARD_ISSUER": issuer.url,
        "DOORWARD_RESOURCE_SECRET": secret,
        "DOORWARD_LOG_FORMAT": "json",
    }
    arguments = ["resource", "--port", str(port), "--workers", str(workers), "--stdio", command]
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [*before, sys.executable, "-P", "-m", "shared.cli", *arguments],
            env={**python_environment(), **settings},
            stdout=log,
            stderr=log,
        )
    service = Service(f"http://127.0.0.1:{port}", settings["DOORWARD_RESOURCE"], log_file, process)
    try:
        wait_until(lambda: answers(service) or process.poll() is not None, timeout_s=60)
        assert process.poll() is None, log_file.read_text()
        yield service, findings
    finally:
        process.terminate()
        process.wait(60)


def start_command(service: Service, issuer: AuthorizationServer, findings: Path) -> str:
    """Let the service start its command, which never answers; what it wrote to `findings`."""
    headers = bearer(token_for(service, issuer)) | MESSAGE

    def post() -> None:
        with httpx2.Client(timeout=60, trust_env=False) as client, suppress(httpx2.HTTPError):
            client.post(service.resource, headers=headers, json=INITIALIZE)

    threading.Thread(target=post).start()  # it ends with the service
    wait_until(lambda: findings.exists() and bool(findings.read_text()), timeout_s=60)
    return findings.read_text()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_command_finds_no_secret_in_any_process(
    issuer: AuthorizationServer, tmp_path: Path, workers: int
) -> None:
    with snooped(issuer, tmp_path, *POWERLESS, workers=workers) as (service, findings):
        assert json.loads(start_command(service, issuer, findings)) == []


def test_workers_that_are_started_again_still_have_their_settings(
    issuer: AuthorizationServer, tmp_path: Path
) -> None:
    with snooped(issuer, tmp_path, *POWERLESS, workers=2) as (service, _findings):
        before = set(workers_of(service))
        assert len(before) == 2
        os.kill(min(before), signal.SIGKILL)
        wait_until(lambda: len(set(workers_of(service)) - before) == 1)
        wait_until(lambda: answers(service))


def children(service: Service) -> list[int]:
    task = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children")
    return [int(pid) for pid in task.read_text().split() if alive(int(pid))]


def workers_of(service: Service) -> list[int]:
    return [pid for pid in children(service) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def answers(service: Service) -> bool:
    statuses = []
    for _ in range(4):
        with suppress(httpx2.HTTPError):
            statuses.append(httpx2.get(f"{service.origin}/health", trust_env=False).status_code)
    return statuses == [200] * 4


def test_no_command_outlives_a_service_that_is_killed(issuer: AuthorizationServer, tmp_path: Path) -> None:
    with snooped(issuer, tmp_path, code=STUBBORN) as (service, findings):
        start_command(service, issuer, findings)
        commands = children(service)
        assert commands
        try:
            service.process.kill()
            wait_until(lambda: not any(alive(pid) for pid in commands))
        finally:
            for pid in filter(alive, commands):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.anyio
async def test_a_command_is_started_on_the_thread_of_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    # To the kernel its parent is the thread that forked: one of a pool would take it along when it ends.
    threads: list[int] = []

    class Noted(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            threads.append(threading.get_ident())
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    process = await ServerProcess.start(["cat"], {"PATH": os.environ["PATH"]})
    await process.terminate()
    assert threads == [threading.get_ident()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_command_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "DOORWARD_RESOURCE": "http://localhost:9001/mcp",
        "DOORWARD_ISSUER": "http://localhost:9000",
        "DOORWARD_RESOURCE_SECRET": "x" * 40,
    }
    command = [sys.executable, "-P", "-m", "shared.cli", "resource", "--stdio", "no-such-command --port 1"]
    done = subprocess.run(
        command, env={**os.environ, **settings}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "no-such-command" in line

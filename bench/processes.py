"""The measured processes: ASGI applications and services, each on its own port."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import httpx2

from tests.cli.command import python_environment
from tests.e2e.services import Service
from tests.servers import free_port, wait_until

Place = tuple[int, int]
"""The port and the id of a process."""


@contextmanager
def asgi_server(factory: str, variables: Mapping[str, str] | None = None) -> Iterator[Place]:
    """Serve the application that `factory` (``module:function``) creates."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", factory, "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--no-access-log", "--no-server-header", "--log-level", "error"],
        env=python_environment(**(variables or {})),
    )
    try:
        wait_until(lambda: _listens(port) or process.poll() is not None, timeout_s=60)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def place_of(service: Service) -> Place:
    """Return where a running service is."""
    assert service.process
    return service.port, service.process.pid


def _listens(port: int) -> bool:
    with suppress(httpx2.HTTPError):
        httpx2.get(f"http://127.0.0.1:{port}/", trust_env=False)
        return True
    return False

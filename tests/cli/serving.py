"""`doorward auth` and `doorward resource`, executed as a user does."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx2

from tests.cli.command import DOORWARD, python_environment
from tests.servers import free_port, wait_until


@contextmanager
def serving(
    service: str, settings: dict[str, str], *arguments: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A service that is up, and its health URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/health"
    process = subprocess.Popen(
        [*DOORWARD, service, "--port", str(port), *arguments],
        env=python_environment(**settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    def answers() -> bool:
        with suppress(httpx2.HTTPError):
            return httpx2.get(url, trust_env=False).is_success
        return process.poll() is not None

    with process:
        try:
            wait_until(answers, timeout_s=60)
            yield process, url
        finally:
            process.terminate()

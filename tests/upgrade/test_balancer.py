"""A balancer sends a POST that may have run to no second process: a tool call runs once."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.cli.command import ROOT
from tests.machine import require
from tests.servers import free_port
from tests.upgrade.balancer import balanced

pytestmark = pytest.mark.requirement("OP-5")

REPEATING = re.compile(r"^[^#\n]*(non_idempotent|retry-non-idempotent|lb_retry_match|\bretry:)", re.M)
"""Options by which nginx, ingress-nginx, Caddy and Traefik repeat a POST."""


class Dying:
    """A process that reads requests and ends before it answers.

    Attributes:
        requests: the number of requests that it has read.
    """

    def __init__(self, listening: socket.socket) -> None:
        self.requests = 0
        self._listening = listening

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                if connection.recv(65_536):
                    self.requests += 1


@contextmanager
def dying() -> Iterator[tuple[int, Dying]]:
    listening = socket.create_server(("127.0.0.1", 0))
    process = Dying(listening)
    thread = threading.Thread(target=process.serve)
    thread.start()
    try:
        yield listening.getsockname()[1], process
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def test_a_call_whose_process_ended_is_not_sent_to_another_one(tmp_path: Path) -> None:
    require("nginx")
    port = free_port()
    with (
        dying() as (first_port, first),
        dying() as (second_port, second),
        balanced(tmp_path / "nginx", {port: [first_port, second_port]}),
    ):
        answer = httpx2.post(f"http://127.0.0.1:{port}/mcp", json={"method": "tools/call"}, trust_env=False)
        assert answer.status_code == 502
        assert first.requests + second.requests == 1


@pytest.mark.parametrize("folder", ["deploy", "docs/how-to", "docs/reference", "docs/examples"])
def test_no_configuration_lets_a_balancer_repeat_a_call(folder: str) -> None:
    files = [
        file for file in (ROOT / folder).rglob("*") if file.suffix in {".conf", ".yml", ".yaml", ".md", ""}
    ]
    files += [*(ROOT / folder).rglob("*Caddyfile"), *(ROOT / folder).rglob("*.tpl")]
    samples = {file: file.read_text(encoding="utf-8") for file in files if file.is_file()}
    assert samples
    for file, text in samples.items():
        if file.suffix == ".md":
            text = "\n".join(re.findall(r"^(?: {4}.*|.*`proxy_next_upstream[^`]*`.*)$", text, re.M))
        assert not REPEATING.search(text), file

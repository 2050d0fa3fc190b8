"""The health check of the images: right, and cheap enough to run every few seconds (OP-1)."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cli.command import ROOT
from tests.servers import free_port

pytestmark = pytest.mark.requirement("OP-1")

SCRIPT = ROOT / "deploy" / "health_check.py"
PORTS = {"auth": ["9000"], "resource": ["9001"], "doorward": ["9000", "9001"]}


def check(*ports: int, options: str = "-IS") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *options.split(), str(SCRIPT), *map(str, ports)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@contextmanager
def answering(status: str) -> Iterator[int]:
    """A server that answers one request with `status`; its port."""

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(1024).startswith(b"GET /health HTTP/1.")
            connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(timeout=30)


def test_a_healthy_service_passes_and_no_http_client_is_imported() -> None:
    with answering("200 OK") as port:
        done = check(port, options="-IS -X importtime")
    assert done.returncode == 0
    imported = set(re.findall(r"\| +([a-z_.]+)$", done.stderr, re.MULTILINE))
    assert "socket" in imported
    assert imported.isdisjoint({"http", "http.client", "urllib", "urllib.request", "ssl", "email", "asyncio"})


def test_another_status_fails() -> None:
    with answering("503 Service Unavailable") as port:
        assert check(port).returncode == 1


def test_one_service_that_does_not_respond_fails() -> None:
    with answering("200 OK") as port:
        assert check(port, free_port()).returncode == 1


@pytest.mark.parametrize("image", PORTS)
def test_the_image_checks_its_services(image: str) -> None:
    text = (ROOT / "deploy" / f"{image}.Dockerfile").read_text(encoding="utf-8")
    command = json.loads(re.findall(r"HEALTHCHECK .*\\\n +CMD (.*)", text)[0])
    assert command == [
        *("env", "-i", "/opt/doorward/bin/python", "-IS", "/opt/doorward/bin/health_check.py"),
        *PORTS[image],
    ]
    assert "COPY deploy/doorward deploy/health_check.py /opt/doorward/bin/\n" in text

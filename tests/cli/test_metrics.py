"""Metrics of several workers: one port has their sums, also after one of them was killed."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.cli.installation import Secrets
from tests.cli.command import doorward
from tests.cli.serving import serving
from tests.servers import free_port, wait_until

pytestmark = [pytest.mark.long, pytest.mark.requirement("JR-7")]

REQUESTS = "doorward_http_requests_total"
RESOURCE = "http://localhost:9001/mcp"


@pytest.fixture
def settings() -> dict[str, str]:
    """The settings of a resource service that measures."""
    return {
        "DOORWARD_ISSUER": "http://localhost:9000",
        "DOORWARD_RESOURCE": RESOURCE,
        "DOORWARD_RESOURCE_SECRET": Secrets.fresh().resource_secret,
        "DOORWARD_METRICS_PORT": str(free_port()),
    }


def refused(port: str) -> float:
    """How many requests without a token both workers have answered."""
    text = httpx2.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == REQUESTS and sample.labels["reason"] == "token_missing"
    )


def children(pid: int) -> set[int]:
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def is_worker(pid: int) -> bool:
    return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_no_request_is_lost_when_a_worker_is_killed(settings: dict[str, str]) -> None:
    port = settings["DOORWARD_METRICS_PORT"]
    with serving("resource", settings, "--workers", "2") as (process, health):
        url = re.sub("/health", "/mcp", health)
        for _ in range(20):
            assert httpx2.post(url, trust_env=False).status_code == 401
        wait_until(lambda: refused(port) == 20)  # each is measured after its response
        workers = {pid for pid in children(process.pid) if is_worker(pid)}
        os.kill(min(workers), signal.SIGKILL)
        wait_until(lambda: len({p for p in children(process.pid) if is_worker(p)} - workers) == 1)
        assert refused(port) == 20


def test_a_port_in_use_is_an_error_of_the_setting(tmp_path: Path, settings: dict[str, str]) -> None:
    port = int(settings["DOORWARD_METRICS_PORT"])
    with socket.create_server(("127.0.0.1", port)):
        done = doorward("resource", "--port", str(free_port()), cwd=tmp_path, **settings)
    assert done.returncode == 2
    assert f"DOORWARD_METRICS_PORT: cannot listen on 127.0.0.1:{port}" in done.stderr

"""The start of a Redis of `deploy/compose/sentinel.yml`, as a process of this machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml

from tests.cli.command import ROOT
from tests.machine import require
from tests.servers import free_port, wait_until

FIRST_PRIMARY = "127.0.0.1"
"""Nothing listens there on the port of the overlay: a replica goes on trying."""


@contextmanager
def started(directory: Path, port: int, password: str) -> Iterator[Callable[..., Any]]:
    """Commands to a Redis that the overlay's command has started, with its volume in `directory`."""
    overlay = yaml.safe_load((ROOT / "deploy/compose/sentinel.yml").read_text())
    script = overlay["services"]["redis-2"]["command"][2].replace("$$", "$").replace("/data", str(directory))
    script = script.replace(" --dir ", f" --bind 127.0.0.1 --port {port} --dir ")
    environment = {"PATH": os.environ["PATH"], "REDISCLI_AUTH": password, "PRIMARY": FIRST_PRIMARY}
    process = subprocess.Popen(["sh", "-c", script], env=environment, stdout=subprocess.DEVNULL)
    try:
        with redis.Redis(port=port, password=password, socket_timeout=5) as client:
            wait_until(lambda: process.poll() is not None or answers(client.execute_command))
            yield client.execute_command
    finally:
        process.kill()
        process.wait()


def answers(command: Callable[..., Any]) -> bool:
    with suppress(redis.ConnectionError):
        return bool(command("PING"))
    return False


@pytest.mark.requirement("OP-1")
def test_a_start_keeps_what_a_failover_decided_and_takes_the_new_password(tmp_path: Path) -> None:
    require("redis-server")
    port = free_port()
    with started(tmp_path, port, "one") as command:
        assert command("ROLE")[0] == b"slave"
        command("REPLICAOF", "NO", "ONE")
        command("CONFIG", "REWRITE")
    with started(tmp_path, port, "two") as command:
        assert command("ROLE")[0] == b"master"
        assert command("CONFIG", "GET", "min-replicas-to-write")[b"min-replicas-to-write"] == b"1"
        command("REPLICAOF", FIRST_PRIMARY, "1")
        command("CONFIG", "REWRITE")
    with started(tmp_path, port, "three") as command:
        assert command("ROLE")[:3] == [b"slave", FIRST_PRIMARY.encode(), 1]

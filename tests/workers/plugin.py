"""Lets `pytest-xdist` start workers that are forked from a template."""

from __future__ import annotations

import json
import select
import shlex
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import execnet
import pytest

from tests.workers import remote
from tests.workers.bytecode import compile_while

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = ROOT / "tests" / "workers" / "launch.py"


@dataclass
class _Node:
    """As much of a worker as other plugins see when they configure it."""

    config: pytest.Config
    workerinput: dict[str, Any] = field(default_factory=dict)


class ForkedWorkers:
    """The plugin of the main process."""

    def __init__(self) -> None:
        self._directory = TemporaryDirectory(prefix="workers-")
        self._template: subprocess.Popen[bytes] | None = None
        self._channel, self._other = socket.socketpair()

    def pytest_xdist_setupnodes(self, config: pytest.Config, specs: Sequence[execnet.XSpec]) -> None:
        """Start the template, and name what starts a worker."""
        address = f"{self._directory.name}/socket"
        template = self._start(address, config)
        compile_while(lambda: not select.select([self._channel], [], [], 0)[0], config)
        if not self._channel.recv(1):
            template.wait()  # it could not collect; each worker reports why
            return
        self._template = template
        for spec in specs:
            spec.python = shlex.join([sys.executable, "-S", "-E", str(LAUNCH), address, "worker"])

    def pytest_xdist_getremotemodule(self) -> ModuleType | None:
        return remote if self._template else None

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        self._channel.close()
        if self._template:
            self._template.wait()
        self._directory.cleanup()

    def _start(self, address: str, config: pytest.Config) -> subprocess.Popen[bytes]:
        node = _Node(config)
        config.hook.pytest_configure_node(node=node)
        with self._other, socket.socket(socket.AF_UNIX) as listener:
            listener.bind(address)
            listener.listen()
            descriptors = [self._other.fileno(), listener.fileno()]
            arguments = [str(argument) for argument in config.invocation_params.args]
            return subprocess.Popen(
                [
                    sys.executable,
                    *("-m", "tests.workers"),
                    *map(str, descriptors),
                    json.dumps(arguments),
                    json.dumps(node.workerinput),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=descriptors,
            )

"""The processes of a service, with secrets where other programs of the same user cannot read them.

A service may run commands of others (MCP servers over stdio). They run as the same user, so they can read
the environment that any process of that user was started with, unless the kernel is told not to let them. So
every process of ours forbids inspection, and what workers are started with holds no setting of ours: they get
the settings with the application, over the pipe that starts them, each time they are started.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from shared.prctl import forbid_inspection

PREFIX = "DOORWARD_"


@dataclass(frozen=True)
class Application:
    """Makes the application of a service in the process that serves it.

    Attributes:
        module: has `create_app_from_environment`.
        settings: the environment variables that it reads.
    """

    module: str
    settings: dict[str, str]

    def __call__(self) -> Any:  # noqa: ANN401 -- an ASGI application, as the module has it
        forbid_inspection()
        with _set(os.environ, self.settings):
            return import_module(self.module).create_app_from_environment()


def take_settings(environment: MutableMapping[str, str]) -> dict[str, str]:
    """The settings in `environment`, which no longer has them afterwards."""
    names = [name for name in environment if name.startswith(PREFIX)]
    return {name: environment.pop(name) for name in names}


def serve(config: uvicorn.Config) -> None:
    """Serve until asked to stop; with workers, keep as many of them alive."""
    if config.workers == 1:
        server = uvicorn.Server(config)
        server.run()
        if not server.started:
            sys.exit(3)
        return
    Multiprocess(config, sockets=[config.bind_socket()]).run()


def become_child_of_init() -> None:
    """As the first process of a container, leave its duties to a process that has nothing to hide.

    Process 1 has to collect the orphans of others and to pass signals on. An init of the container engine
    would do both, but it holds our environment, and lets every command of the same user read it.
    """
    if os.getpid() != 1:
        return
    forbid_inspection()
    child = os.fork()
    if child:
        sys.exit(_watch(child))


def _watch(child: int) -> int:
    """Pass signals on to `child` and collect whatever ends, until it has ended; returns its exit status."""

    def pass_on(number: int, _frame: FrameType | None) -> None:
        os.kill(child, number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, pass_on)
    while True:
        ended, status = os.wait()
        if ended == child:
            return os.waitstatus_to_exitcode(status) % 256


@contextmanager
def _set(environment: MutableMapping[str, str], variables: dict[str, str]) -> Iterator[None]:
    environment.update(variables)
    try:
        yield
    finally:
        for name in variables:
            environment.pop(name, None)

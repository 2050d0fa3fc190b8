"""The processes of a service, with secrets protected from other programs of the same user.

A service may run third-party commands (MCP servers over stdio). They run as the same user, so they can read
the initial environment of any process of that user, unless the kernel forbids it. So each of our processes
forbids inspection, and workers start with an environment without settings: they get the settings with the
application, over the pipe that starts them, at every start.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from shared.prctl import forbid_inspection

PREFIX = "DOORWARD_"
OPEN_FILES = 65_536
FEWER_OPEN_FILES = 10_240
"""The most that macOS lets a process have (OPEN_MAX), whatever its hard limit says."""


@dataclass(frozen=True)
class Application:
    """Creates the application of a service in the process that serves it.

    Attributes:
        module: the module with `create_app_from_environment`.
        settings: the environment variables that the application reads.
        workers: the private folder that the workers of the resource service share, if there are several.
        metrics: the private folder of the measurements, if they are on.
    """

    module: str
    settings: dict[str, str]
    workers: str | None = None
    metrics: str | None = None

    def __call__(self) -> Any:  # noqa: ANN401 -- an ASGI application
        forbid_inspection()
        with collector_paused(), _set(os.environ, self.settings):
            create = import_module(self.module).create_app_from_environment
            folders = {"workers": self.workers, "metrics": self.metrics}
            application = create(**{name: folder for name, folder in folders.items() if folder is not None})
            _spare_the_collector()
        return application


@contextmanager
def collector_paused() -> Iterator[None]:
    """Collect no garbage inside the context: imports leave little, and it takes a tenth of a start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _spare_the_collector() -> None:
    """Exclude what exists now from garbage collection, and collect the rest less often.

    What a service holds at its start lives as long as the process; to traverse it took a fifth of the
    processor time of a request. Requests leave few cycles. The garbage of the start, 2 of 100 MB, is kept: to
    find it takes a tenth of a second.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def take_settings(environment: MutableMapping[str, str]) -> dict[str, str]:
    """Remove the settings from `environment` and return them."""
    names = [name for name in environment if name.startswith(PREFIX)]
    return {name: environment.pop(name) for name in names}


def serve(config: uvicorn.Config) -> None:
    """Serve until stopped by a signal; with workers, restart those that end."""
    if config.workers == 1:
        server = _server(config)
        server.run()
        if not server.started:
            sys.exit(3)
        return
    Multiprocess(config, sockets=[config.bind_socket()]).run()


def _server(config: uvicorn.Config) -> uvicorn.Server:
    if not config.is_ssl:
        return uvicorn.Server(config)
    from shared.cli.https_server import HttpsServer

    return HttpsServer(config)


def allow_open_files() -> None:
    """Raise the limit of open files to `OPEN_FILES`, or as far as the machine allows; else leave it.

    The limit at the start of a process is commonly 1,024, for the sake of programs that use ``select``
    (systemd.exec(5)). An idle connection stays open for `shared.idle_connections.SERVER_S`.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (OPEN_FILES, FEWER_OPEN_FILES):
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if soft == resource.RLIM_INFINITY or soft >= allowed:
            return
        with suppress(ValueError, OSError):  # a kernel may have a lower limit, a sandbox may forbid it
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
            return


def become_child_of_init() -> None:
    """If this is the first process of a container, fork, and let the parent do only the work of an init.

    Process 1 must reap orphans and forward signals. The container engine's init would do both, but it has
    our environment, and every command of the same user could read that.
    """
    if os.getpid() != 1:
        return
    forbid_inspection()
    child = os.fork()
    if child:
        sys.exit(_watch(child))


def _watch(child: int) -> int:
    """Forward signals to `child` and reap processes until `child` has ended; return its exit status."""

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

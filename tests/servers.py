"""Real servers as child processes: started in a moment, killed, frozen and restarted at will."""

from __future__ import annotations

import http.client
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

START_TIMEOUT_S = 60
"""Longer than a busy machine takes: only a failure waits that long."""

DURABLE = ("--save", "", "--appendonly", "yes", "--appendfsync", "always")
"""Writes the append-only file before it answers, as the Redis that we ship does."""


PROGRAM = os.environ.get("DOORWARD_TEST_REDIS_SERVER", "redis-server")
"""Redis, or another server with the same protocol: `make valkey` sets the path of valkey-server."""

FIRST_PORT, SLICE, SLICES = 20_000, 300, 9
CLUSTER_BUS = 10_000
"""The offset of the cluster bus port of a Redis Cluster node."""


@cache
def _ports() -> Iterator[int]:
    """All ports of this process's range in turn, repeatedly, from a random start.

    They are not determined before they are needed: a worker is forked from a process that has imported this.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    slot = int(worker.removeprefix("gw")) % SLICES if worker.startswith("gw") else SLICES - 1
    ports = range(FIRST_PORT + slot * SLICE, FIRST_PORT + (slot + 1) * SLICE)
    start = random.randrange(SLICE)  # noqa: S311 -- not a secret
    return itertools.cycle((*ports[start:], *ports[:start]))


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on, nor on the one `CLUSTER_BUS` above it.

    Both are below those that the kernel hands out to outgoing connections. A port is not given out twice in
    a row, nor by two processes of one run: the first to ask may not listen on it yet.
    """
    return next(port for port in _ports() if _is_free(port) and _is_free(port + CLUSTER_BUS))


def two_free_ports() -> int:
    """A free port whose following one is free, too, and not given out to others."""
    port, following = free_port(), free_port()
    while following != port + 1:
        port, following = following, free_port()
    return port


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as listener, suppress(OSError):
        listener.bind(("127.0.0.1", port))
        return True
    return False


def wait_until(condition: Callable[[], bool], *, timeout_s: float = START_TIMEOUT_S) -> None:
    """Return once `condition` holds.

    Raises:
        TimeoutError: it does not within `timeout_s`.
    """
    began = time.monotonic()
    while not condition():
        waited_s = time.monotonic() - began
        if waited_s > timeout_s:
            raise TimeoutError("what was waited for did not happen")
        # A twentieth later than possible: on a busy machine, each try delays what it waits for.
        time.sleep(min(max(0.01, waited_s / 20), 0.05))


def is_healthy(origin: str) -> bool:
    """Whether ``GET /health`` of a service without TLS succeeds; an eighth of the cost of an HTTP client."""
    parts = urlsplit(origin)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    with closing(connection), suppress(OSError, http.client.HTTPException):
        connection.request("GET", f"{parts.path}/health")
        return connection.getresponse().status == 200
    return False


def is_open(port: int) -> bool:
    """Whether somebody listens on a TCP port of the loopback interface."""
    with closing(socket.socket()) as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


class RedisServer:
    """A redis-server on a port and in a directory of its own, which both outlive its crashes.

    Args:
        arguments: redis-server's, but for its port and directory.
    """

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.directory = directory
        self.port = free_port()
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The store's URL for this server."""
        return f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id, while it runs."""
        assert self._process
        return self._process.pid

    def start(self) -> None:
        """Start it, again on what it has written before; return once it answers."""
        place = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.directory))
        command = [PROGRAM, *self._arguments, *place]
        # Python ignores SIGXFSZ; so must Redis, for a limit on its files to be an error, as a full disk is.
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, restore_signals=False)
        wait_until(lambda: self.answers() or not self._is_running())
        assert self._is_running(), f"{command} ended at once"

    def _is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def answers(self) -> bool:
        """Whether it answers PING."""
        with suppress(redis.ConnectionError, redis.TimeoutError):
            return is_open(self.port) and bool(self.command("PING"))
        return False

    def command(self, *arguments: str, database: int = 0) -> object:
        """Send one command, as an operator would."""
        once = Retry(NoBackoff(), 0)
        with redis.Redis(port=self.port, db=database, socket_timeout=5, retry=once) as client:
            answer: object = client.execute_command(*arguments)
            return answer

    def empty(self) -> None:
        """Drop every key of every database."""
        self.command("FLUSHALL")

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It accepts connections, through the kernel, and answers nothing (SIGSTOP)."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


@contextmanager
def redis_running(directory: Path, *arguments: str) -> Iterator[RedisServer]:
    """A `RedisServer` for the length of the context."""
    directory.mkdir(parents=True, exist_ok=True)
    server = RedisServer(directory, *(arguments or DURABLE))
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(directory, ignore_errors=True)

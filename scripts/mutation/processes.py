"""Run work in a forked process, with limits on time and memory."""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator

MAX_MEMORY_BYTES = 4 << 30
Report = Callable[[str], None]
Work = Callable[[Report], None]


def forked(work: Work, limit_s: float | None = None) -> Iterator[str]:
    """Yield the lines that `work` reports in a separate process, which is killed after `limit_s` seconds.

    With a limit, the process leads a group, so that everything it started ends with it.
    """
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        _run(work, write_end, limit_s)
    os.close(write_end)
    try:
        yield from _lines(read_end, limit_s)
    finally:
        os.close(read_end)
        if limit_s is not None:
            _end_group(pid)
        os.waitpid(pid, 0)


def _run(work: Work, write_end: int, limit_s: float | None) -> None:
    """Run `work` and end the process, whatever happens."""
    try:
        if limit_s is not None:
            os.setpgid(0, 0)
            resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
            # For a process whose parent has died and cannot kill it.
            resource.setrlimit(resource.RLIMIT_CPU, (int(limit_s) + 1, int(limit_s) + 1))
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in range(3):
                os.dup2(null, descriptor)
        work(lambda line: _write(write_end, line))
    except BaseException:  # noqa: BLE001 -- it must not return into the parent's code
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(0)


def _write(descriptor: int, line: str) -> None:
    os.write(descriptor, line.encode() + b"\n")


def _lines(descriptor: int, limit_s: float | None) -> Iterator[str]:
    deadline = None if limit_s is None else time.monotonic() + limit_s
    rest = b""
    while True:
        left_s = None if deadline is None else max(deadline - time.monotonic(), 0)
        if not select.select([descriptor], [], [], left_s)[0]:
            yield "timeout"
            return
        data = os.read(descriptor, 65536)
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        yield from (line.decode() for line in lines)


def _end_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(pid, signal.SIGKILL)

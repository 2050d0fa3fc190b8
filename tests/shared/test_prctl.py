"""A process that is to end with its parent: whom the kernel takes for that, and how late it may be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from functools import partial

import pytest

from shared.prctl import end_with_parent

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")

SOON_S = 30


def sleeping(parent: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "60"], preexec_fn=partial(end_with_parent, parent))


def test_the_parent_is_the_thread_that_forked() -> None:
    started: list[subprocess.Popen[bytes]] = []
    may_end = threading.Event()

    def work() -> None:
        started.append(sleeping(os.getpid()))
        assert may_end.wait(SOON_S)

    thread = threading.Thread(target=work)
    thread.start()
    while not started:
        thread.join(0.01)
    assert started[0].poll() is None
    may_end.set()
    thread.join()
    assert started[0].wait(SOON_S) == -signal.SIGKILL


def test_a_process_whose_parent_has_ended_before_it_could_say_so_ends_at_once() -> None:
    assert sleeping(parent=os.getppid()).wait(SOON_S) == -signal.SIGKILL

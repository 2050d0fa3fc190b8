"""What Linux lets a process say about itself (prctl(2)). Elsewhere nothing happens."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4

# Looked up once: between fork and exec nothing may be imported or allocated that another thread holds.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def forbid_inspection() -> None:
    """Keep this process from being read by others of the same user: its memory, environment and open files.

    The kernel then gives `/proc/PID/environ` and the like to root alone. A fork keeps this, exec does not.
    """
    if _prctl is not None:
        _prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends in any way. For between fork and exec.

    To the kernel the parent is the thread that forked: a process that is started on a worker thread ends with
    that thread. Start it on a thread that stays, as the event loop's does.

    Args:
        parent: the process id of the parent, which may have ended since it forked.
    """
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

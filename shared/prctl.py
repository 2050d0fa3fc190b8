"""Process options of Linux (prctl(2)). On other systems these functions do nothing."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4

# Loaded early: between fork and exec, an import or allocation may need a lock that another thread holds.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def forbid_inspection() -> None:
    """Prevent other processes of the same user from reading our memory, environment and open files.

    The kernel then lets only root read `/proc/PID/environ` and the like. A fork inherits this; exec resets
    it.
    """
    if _prctl is not None:
        _prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends in any way. Call it between fork and exec.

    For the kernel, the parent is the thread that forked: a process started on a worker thread ends with that
    thread. Start it on a long-lived thread, such as the event loop's.

    Args:
        parent: the process id of the parent, which may have ended since it forked.
    """
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

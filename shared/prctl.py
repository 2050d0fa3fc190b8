"""Process options of Linux (prctl(2)). On other systems these functions do nothing."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x1000_0000
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446
_LANDLOCK_SCOPE_SIGNAL = 2

# Loaded early: between fork and exec, an import or allocation may need a lock that another thread holds.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_prctl = None if _libc is None else _libc.prctl
_unshare = None if _libc is None else _libc.unshare
_syscall = None if _libc is None else _libc.syscall
# struct landlock_ruleset_attr: the rights about files and ports that are handled, and the scopes.
_SIGNALS_INSIDE = (ctypes.c_uint64 * 3)(0, 0, _LANDLOCK_SCOPE_SIGNAL)


def forbid_inspection() -> None:
    """Prevent other processes of the same user from reading our memory, environment and open files.

    The kernel then lets only root read `/proc/PID/environ` and the like. A fork inherits this; exec resets
    it.
    """
    if _prctl is not None:
        _prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def enter_user_namespace() -> None:
    """Move this process into a user namespace of its own, as the same user. Call it between fork and exec.

    Processes of one user can read each other's environment and memory, but not those of a process in another
    user namespace that is not below their own (ptrace(2), "Ptrace access mode checking"). A core dump would
    be a file that they can read, and a signal of theirs can cause one, so there is none.

    Raises:
        OSError: the system does not allow it.
    """
    if _unshare is None or _prctl is None:
        raise OSError("only Linux has user namespaces")
    # The hard limit, too: other processes of the user can change the soft one (prlimit(2)).
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    user, group = os.geteuid(), os.getegid()
    if _unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "no user namespace can be created")
    # After `forbid_inspection`, its files in /proc belong to root. No process in such a namespace can read
    # what is in memory until exec.
    _prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
    for name, content in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(content)


def keep_signals_inside() -> bool:
    """Let this process and those it starts send signals only to each other (landlock(7)).

    Call it between fork and exec. It needs Linux 6.12. Otherwise, processes of one user signal each other,
    and a signal may open a debugger.

    Returns:
        Whether the system does that.
    """
    if _syscall is None or _prctl is None:
        return False
    size = ctypes.c_long(ctypes.sizeof(_SIGNALS_INSIDE))
    ruleset = _syscall(ctypes.c_long(_LANDLOCK_CREATE_RULESET), _SIGNALS_INSIDE, size, ctypes.c_long(0))
    if ruleset < 0:
        return False
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    restricted = _syscall(ctypes.c_long(_LANDLOCK_RESTRICT_SELF), ctypes.c_long(ruleset), ctypes.c_long(0))
    return bool(restricted == 0)


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

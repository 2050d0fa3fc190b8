"""Processes of one user that cannot read each other's environment, and whether this machine allows them."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache

from shared.prctl import end_with_parent, enter_user_namespace, keep_signals_inside

TO_DO = (
    "Allow unprivileged user namespaces (the sysctls user.max_user_namespaces and, on Ubuntu, "
    "kernel.apparmor_restrict_unprivileged_userns; in a container, a seccomp profile that allows unshare), "
    "or serve the command over HTTP, and use api_key_header"
)

_TIMEOUT_S = 10
_OF_PYTHON = ("PATH", "LD_LIBRARY_PATH")
_PYTHON = (sys.executable, "-I", "-S", "-c")
_HOLD = "import sys; print(flush=True); sys.stdin.read()"
_READ = """
import sys
try:
    with open(f"/proc/{sys.argv[1]}/environ", "rb") as file:
        file.read()
except OSError:
    print("isolated")
"""


def prepare(parent: int, *, isolated: bool) -> None:
    """Prepare a process for its command. Call it between fork and exec.

    Args:
        parent: see `end_with_parent`.
        isolated: whether other processes that were prepared so must not read its environment, nor signal it,
            where the system can prevent that.

    Raises:
        OSError: the system does not allow that.
    """
    if isolated:
        enter_user_namespace()
        keep_signals_inside()
    end_with_parent(parent)


def check_isolation() -> None:
    """Check that processes of this service can be isolated from each other.

    Raises:
        ValueError: they cannot. The message says what to do.
    """
    if reason := _why_not():
        raise ValueError(
            "a command gets the API key of a person only where its process is isolated from those of others, "
            f"and here {reason}. {TO_DO}."
        )


@cache
def _why_not() -> str | None:
    """Start two processes, and let one try to read the environment of the other."""
    environment = {name: os.environ[name] for name in _OF_PYTHON if name in os.environ}
    try:
        with subprocess.Popen(  # noqa: S603 -- of this module
            [*_PYTHON, _HOLD],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=enter_user_namespace,
        ) as other:
            try:
                if other.stdout is None or not other.stdout.readline():
                    return "a process in a user namespace of its own does not run"
                reader = subprocess.run(  # noqa: S603
                    [*_PYTHON, _READ, str(other.pid)],
                    env=environment,
                    capture_output=True,
                    timeout=_TIMEOUT_S,
                    preexec_fn=enter_user_namespace,
                    check=False,
                )
            finally:
                other.kill()
    except (OSError, subprocess.SubprocessError):
        return "no process can have a user namespace of its own"
    return None if reader.stdout == b"isolated\n" else "a process can read the environment of another one"

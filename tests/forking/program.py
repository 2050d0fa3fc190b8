"""A program that tells what it was started with, or ends in the way that its first argument names."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import warnings
from typing import Any


def tell() -> None:
    """Write down, as JSON, what the program sees."""
    seen = {
        "arguments": sys.argv[1:],
        "settings": {name: value for name, value in os.environ.items() if name.startswith("DOORWARD_")},
        "directory": os.getcwd(),
        "typed": sys.stdin.read(),
        "pid": os.getpid(),
        "session": os.getsid(0),
        "forked": "resource_service.main" in sys.modules,
        "created": _are_services_created(),
        "main": getattr(sys.modules["__main__"].__spec__, "name", ""),
        "terminal": [shutil.get_terminal_size().columns, sys.stdout.encoding],
    }
    json.dump(seen, sys.stdout)


def _are_services_created() -> bool:
    """Whether a service was created in this process, or before the fork: what it describes is kept."""
    descriptions: Any = sys.modules.get("auth_service.endpoints.descriptions.register")
    return descriptions is not None and descriptions._properties.cache_info().currsize > 0  # noqa: SLF001


def sleep() -> None:
    """Wait to be asked to end."""
    # Blocked, so that it cannot arrive between the line and the wait, which it would then not end.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    print("asleep", flush=True)  # noqa: T201
    sys.exit(3 if signal.sigtimedwait({signal.SIGTERM}, 60) else 0)


def end(how: str) -> None:
    """End, with output that is not flushed by itself."""
    sys.stdout.write("written without a line end")
    if how == "exit":
        sys.exit(7)
    if how == "say":
        sys.exit("a reason")
    if how == "raise":
        raise ValueError("a reason")
    if how == "kill":
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    match sys.argv[1]:
        case "tell":
            tell()
        case "sleep":
            sleep()
        case "start":
            subprocess.run([sys.executable, "-P", "-m", "tests.forking.program", "tell"], check=True)
        case "warn":
            warnings.warn("this goes away", DeprecationWarning, stacklevel=1)
        case how:
            end(how)

"""Gives the measured server its own core; the load generator and Redis share the rest."""

from __future__ import annotations

import os
from pathlib import Path


def pin_server(process_id: int) -> None:
    """Pin every thread of a measured server to the first core, if there are several."""
    cores = sorted(os.sched_getaffinity(0) | os.sched_getaffinity(process_id))
    for thread in Path(f"/proc/{process_id}/task").iterdir() if len(cores) > 1 else ():
        os.sched_setaffinity(int(thread.name), {cores[0]})


def pin_load() -> None:
    """Pin this process, and the processes it starts from now on, to the other cores."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, set(cores[1:]))

"""The program of a worker: passes its streams on to a process that the template forks."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.forking.launch import main

if __name__ == "__main__":
    # A worker handles it itself, and is killed when this ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os._exit(main(*sys.argv[1:]))

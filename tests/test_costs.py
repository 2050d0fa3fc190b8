"""The option `--costs` counts the time of processes that a test starts."""

from __future__ import annotations

import subprocess
import sys

from tests.costs import processor_s

BUSY_S = 0.3
BUSY = f"import time\nwhile time.process_time() < {BUSY_S}: pass\nprint(flush=True)\ninput()"


def test_processes_that_run_or_have_ended_count() -> None:
    before = processor_s()
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        while_it_runs = processor_s()
        process.stdin.write(b"\n")
    assert while_it_runs - before >= BUSY_S - 0.05
    assert processor_s() >= while_it_runs

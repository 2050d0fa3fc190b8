"""Print the table of docs/how-to/install.md: `make install-times ARGS="make pip pipx uvx image compose"`."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from pathlib import Path

from tests.install.ways import WAYS, Times, Tools

HEAD = "| way | services up | a tool has answered | processor time |\n| --- | --- | --- | --- |"


def row(times: Times) -> str:
    """A row of the table, in seconds."""
    processor = "" if times.processor_s is None else f"{times.processor_s:.0f} s"
    return f"| {times.way} | {times.ready_s:.0f} s | {times.answered_s:.0f} s | {processor} |"


def main() -> None:
    """Try each way that the arguments name, or all."""
    machine = f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"
    _write(f"{machine}, load {os.getloadavg()[0]:.0f}\n\n{HEAD}")
    with tempfile.TemporaryDirectory(prefix="doorward-tools-") as tools:
        for name in sys.argv[1:] or WAYS:
            with tempfile.TemporaryDirectory(prefix="doorward-install-") as directory:
                for times in WAYS[name](Path(directory), Tools(Path(tools))):
                    _write(row(times))


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

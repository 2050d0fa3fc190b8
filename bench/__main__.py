"""``make bench``: measure, and print the table.

ARGS="--seconds 5 --rounds 9" measures for longer; ARGS=--json prints JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from bench.load import Sample, measure
from bench.report import rows, table
from bench.subjects import BASELINE, Subject, subjects


def main() -> None:
    """Parse the options, measure and print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each turn")
    parser.add_argument("--rounds", type=int, default=5, help="in which every subject has a turn")
    parser.add_argument("--json", action="store_true", help="instead of the table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        redis = shutil.which("redis-server") is not None
        with subjects(Path(directory), redis=redis) as measured_subjects:
            samples = asyncio.run(_measured(measured_subjects, options.seconds, options.rounds))
    summary = rows(samples, BASELINE)
    if options.json:
        sys.stdout.write(json.dumps(summary, indent=2) + "\n")
        return
    Console().print(table(summary, f"Median of {options.rounds} rounds of {options.seconds} s each"))


async def _measured(measured_subjects: list[Subject], seconds: float, rounds: int) -> dict[str, list[Sample]]:
    samples: dict[str, list[Sample]] = {subject.name: [] for subject in measured_subjects}
    for _ in range(rounds):
        for subject in measured_subjects:
            taken = await measure(subject.port, subject.request, subject.status, subject.process_id, seconds)
            samples[subject.name].append(taken)
    return samples


if __name__ == "__main__":
    main()

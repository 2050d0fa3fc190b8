"""``make bench``: measure, and print the table.

ARGS="--seconds 2 --rounds 9" measures for longer, ARGS=--json prints JSON, and ARGS=--write writes
bench/RESULTS.md and bench/results.svg. Needs redis-server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import uvloop
from rich.console import Console

from bench.load import Sample, measure
from bench.pinning import pin_load
from bench.redis_commands import check_no_commands, commands
from bench.report import Row, markdown, picture, row, table
from bench.subjects import Subject, subjects

_HERE = Path(__file__).parent
_TABLE_WIDTH = 152


def main() -> None:
    """Parse the options, measure and print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each turn")
    parser.add_argument("--rounds", type=int, default=7, help="in which every subject has a turn")
    parser.add_argument("--only", default="", help="subjects whose names contain this, and the baselines")
    parser.add_argument("--peers", action="store_true", help="also node-oidc-provider, which npm installs")
    parser.add_argument("--json", action="store_true", help="instead of the table")
    parser.add_argument("--write", action="store_true", help="write bench/RESULTS.md and bench/results.svg")
    options = parser.parse_args()
    pin_load()
    with (
        tempfile.TemporaryDirectory() as directory,
        subjects(Path(directory), peers=options.peers) as running,
    ):
        chosen = [subject for subject in running if _is_chosen(subject, options.only)]
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            rows = runner.run(_measured(chosen, options.seconds, options.rounds))
    title = f"Medians of {options.rounds} rounds of {options.seconds:g} s each"
    if options.write:
        _write_results(markdown(rows, _versions(), title))
        (_HERE / "results.svg").write_text(picture(rows))
    if options.json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    else:
        console = Console()
        Console(width=max(console.width, _TABLE_WIDTH)).print(table(rows, title))


def _write_results(text: str) -> None:
    """Replace all but the results of `bench.scale`, which is run separately."""
    path = _HERE / "RESULTS.md"
    _, heading, scale = path.read_text().partition("\n## Scale\n")
    path.write_text(text + heading + scale)


def _is_chosen(subject: Subject, only: str) -> bool:
    return only in subject.name or subject.name == subject.baseline


async def _measured(chosen: list[Subject], seconds: float, rounds: int) -> list[Row]:
    samples: dict[str, list[Sample]] = {subject.name: [] for subject in chosen}
    for _ in range(rounds):
        for subject in chosen:
            samples[subject.name].append(await _turn(subject, seconds))
    return [
        row(subject.name, samples[subject.name], samples[subject.baseline], subject.operation.at_least)
        for subject in chosen
    ]


async def _turn(subject: Subject, seconds: float) -> Sample:
    operation = subject.operation
    await operation.prepare()
    before = commands(subject.store_url)
    sample = await measure(
        operation.scripts, subject.port, subject.process_id, statuses=operation.statuses, seconds=seconds
    )
    if operation.needs_no_store:
        check_no_commands(before, commands(subject.store_url), requests=sample.per_second * seconds)
    return sample


def _versions() -> dict[str, str]:
    redis = subprocess.run(
        [shutil.which("redis-server") or "", "--version"], capture_output=True, text=True, check=True
    ).stdout
    packages = ("uvicorn", "uvloop", "starlette", "fastapi", "redis", "hiredis")
    return {
        "Python": platform.python_version(),
        **{name: version(name) for name in packages},
        "redis-server": redis.partition("v=")[2].partition(" ")[0],
    }


if __name__ == "__main__":
    main()

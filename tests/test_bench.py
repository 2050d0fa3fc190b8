"""`make bench` measures what it says it does."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from bench.load import Sample
from bench.report import rows
from tests.cli.command import ROOT, python_environment
from tests.machine import require


def measured(*arguments: str) -> str:
    """What a benchmark prints."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=python_environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
@pytest.mark.xdist_group("load")
def test_every_subject_is_measured_beside_the_baseline() -> None:
    printed = measured("bench", "--seconds", "0.05", "--rounds", "2", "--json")
    summary = json.loads(printed)
    assert summary[0]["subject"] == "bare application"
    assert summary[0]["speed_ratio"] == 1
    assert any("introspect" in row["subject"] for row in summary)
    assert all(row["per_second"] > 0 for row in summary)


@pytest.mark.requirement("BOUND-2")
@pytest.mark.long
@pytest.mark.xdist_group("load")
def test_counting_in_one_step_is_faster_than_compare_and_swap_for_connections_of_one_network() -> None:
    require("redis-server")
    printed = measured("bench.contention", "--seconds", "0.5", "--rounds", "1")
    ratio = re.search(r"([\d.]+) times the attempts, p99 ([\d.]+) times shorter", printed)
    assert ratio, printed
    assert float(ratio[1]) > 2


@pytest.mark.long
@pytest.mark.xdist_group("load")
def test_registrations_and_logins_of_one_address_are_measured_over_http() -> None:
    require("redis-server")
    printed = measured("bench.one_address", "--seconds", "0.1", "--rounds", "1")
    for name in ("client_credentials", "register", "log in"):
        assert re.search(rf"{name}: +\d+/s with one connection, +\d+/s with 32 \([\d.]+ times\)", printed)


def test_a_subject_is_compared_with_the_baseline_of_the_same_round() -> None:
    calm, busy = Sample(1_000, 100), Sample(100, 1_000)
    samples = {"base": [calm, busy, calm], "subject": [Sample(500, 200), Sample(50, 2_000), Sample(500, 200)]}
    _, row = rows(samples, "base")
    assert (row["speed_ratio"], row["processor_ratio"]) == (0.5, 2)

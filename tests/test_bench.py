"""`make bench` measures what it says it does."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from bench.load import Sample
from bench.redis_commands import check_no_commands
from bench.report import picture, row
from tests.cli.command import ROOT, python_environment
from tests.machine import require


def measured(*arguments: str) -> str:
    """The output of a benchmark."""
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
    require("redis-server")
    rows = json.loads(measured("bench", "--seconds", "0.05", "--rounds", "2", "--json"))
    assert rows[0]["subject"] == "one GET by redis-py"
    assert rows[0]["speed_ratio"] == 1
    assert {each["subject"] for each in rows if each["at_least"]} == {
        "introspect",
        "introspect, not a token",
        "client_credentials",
        "refresh, chained",
        "code redemption",
        "register",
        "authorize",
        "server metadata",
        "JWK Set",
        "tools/call, guard, cached answer",
        "tools/call, guard, asking",
        "tools/call, gateway, cached answer",
        "tools/call, gateway with journal",
    }
    assert all(each["per_second"] > 0 and each["p50_ms"] <= each["p99_ms"] for each in rows)


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
    samples = [Sample(500, 200), Sample(60, 2_000), Sample(400, 200)]
    summary = row("subject", samples, [calm, busy, calm], 0.4)
    assert (summary["speed_ratio"], summary["lowest_ratio"], summary["highest_ratio"]) == (0.5, 0.4, 0.6)
    assert summary["per_second"] == 400


def test_a_turn_too_short_for_the_system_to_count_its_time_is_a_row_like_any_other() -> None:
    nothing = Sample(1_000, 0.0)
    assert row("subject", [nothing], [nothing], None)["processor_us"] == 0


def test_the_picture_has_a_bar_for_each_row_and_a_mark_for_each_aim() -> None:
    sample = Sample(1_000, 100)
    drawn = picture([row("one", [sample], [sample], 2.0), row("other", [sample], [sample], None)])
    assert drawn.count("#3b6ea8") == 2
    assert drawn.count("#c0392b") == 1


def test_the_tail_is_compared_with_the_median_and_the_median_with_the_baseline() -> None:
    sample, baseline = Sample(1_000, 100, p50_ms=2.0, p99_ms=9.0), Sample(1_000, 100, p50_ms=1.0)
    summary = row("subject", [sample], [baseline], None)
    assert (summary["p50_ratio"], summary["tail_ratio"]) == (2.0, 4.5)


def test_requests_that_need_no_store_may_cause_no_commands() -> None:
    check_no_commands(100, 120, requests=5_000)
    with pytest.raises(AssertionError, match="5000 commands for 5000 requests"):
        check_no_commands(100, 5_100, requests=5_000)

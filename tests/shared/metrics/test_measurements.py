"""The values of several processes add up, also after one of them was killed."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import pytest

from shared.metrics import measurements
from shared.metrics.declarations import Metric, counter, gauge, latency
from shared.metrics.measurements import Measurements
from shared.metrics.totals import Totals

pytestmark = pytest.mark.requirement("JR-7")

CALLS = counter("doorward_calls_total", "Calls.", "tool")
QUEUE = gauge("doorward_queue_length", "Waiting calls.")
LAG = gauge("doorward_lag_seconds", "Lag.", combined="max")
UP = gauge("doorward_up", "Up.", combined="min")
DURATION = latency("doorward_duration_seconds", "Durations.")
METRICS = (CALLS, QUEUE, LAG, UP, DURATION)


def killed(folder: Path, calls: int) -> None:
    """Measure in a process that is killed."""
    pid = os.fork()
    if not pid:
        values = Measurements(folder)
        for _ in range(calls):
            values.add(CALLS, "search")
        values.set(QUEUE, value=7.0)
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def test_counters_of_a_killed_process_stay_and_its_gauges_go(tmp_path: Path) -> None:
    totals, living = Totals(tmp_path, METRICS), Measurements(tmp_path)
    living.add(CALLS, "search", amount=3.0)
    living.set(QUEUE, value=2.0)
    for _ in range(2):
        killed(tmp_path, calls=5)
    for _ in range(2):  # a process that has ended counts once, however often the values are read
        read = totals.read()
        assert read[CALLS] == {("search",): [13.0]}
        assert read[QUEUE] == {(): [2.0]}
    assert len(list(tmp_path.iterdir())) == 2  # of the living process


def test_on_a_full_disk_nothing_fails_and_the_series_appear_later(tmp_path: Path) -> None:
    values = Measurements(tmp_path)
    assert all(os.stat(path).st_blocks for path in tmp_path.glob("*.values"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        values.add(CALLS, "search")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    values.add(CALLS, "fetch")
    assert Totals(tmp_path, METRICS).read()[CALLS] == {("search",): [1.0], ("fetch",): [1.0]}


def test_gauges_of_several_processes_become_one_as_declared(tmp_path: Path) -> None:
    first, second = Measurements(tmp_path), Measurements(tmp_path)
    for values, number in ((first, 1.0), (second, 4.0)):
        for metric in (QUEUE, LAG, UP):
            values.set(metric, value=number)
    read = Totals(tmp_path, METRICS).read()
    assert [read[metric][()] for metric in (QUEUE, LAG, UP)] == [[5.0], [4.0], [1.0]]


def test_a_duration_counts_in_the_smallest_bucket_that_holds_it(tmp_path: Path) -> None:
    values = Measurements(tmp_path)
    for seconds in (0.001, 0.0011, 99.0):
        values.observe(DURATION, seconds)
    *buckets, total = Totals(tmp_path, METRICS).read()[DURATION][()]
    assert (buckets[0], buckets[1], buckets[-1], sum(buckets)) == (1.0, 1.0, 1.0, 3.0)
    assert total == pytest.approx(99.0021)


def test_a_metric_without_labels_is_there_from_the_start(tmp_path: Path) -> None:
    read = Totals(tmp_path, METRICS).read()
    assert read[QUEUE] == {(): [0.0]}
    assert read[CALLS] == {}


def test_wrong_labels_and_a_label_without_bounds_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = Measurements(tmp_path)
    with pytest.raises(ValueError, match="has the labels"):
        values.add(CALLS)
    monkeypatch.setattr(measurements, "CAPACITY", 2)
    values.add(CALLS, "1")
    values.add(CALLS, "2")
    with pytest.raises(OverflowError, match="not bounded"):
        values.add(CALLS, "3")


@pytest.mark.parametrize(
    "declare",
    [
        lambda: counter("doorward_calls", "Calls."),
        lambda: gauge("doorward_queue_total", "Queue."),
        lambda: gauge("queue", "Queue."),
    ],
)
def test_names_follow_the_conventions(declare: object) -> None:
    assert callable(declare)
    with pytest.raises(ValueError, match="not a name"):
        declare()


def test_every_declaration_is_unique_and_documented() -> None:
    from auth_service import metrics as auth
    from resource_service import metrics as resource

    for declared in (auth.METRICS, resource.METRICS):
        in_module = [m for m in declared if isinstance(m, Metric)]
        assert len({m.name for m in in_module}) == len(declared)
        assert all(m.help.endswith(".") for m in in_module)

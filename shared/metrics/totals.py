"""The values of all processes of a service: counters also of processes that have ended."""

from __future__ import annotations

import fcntl
import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from threading import Lock

from shared.metrics.declarations import Kind, Metric
from shared.metrics.measurements import NAMES, VALUES

Series = dict[tuple[str, ...], list[float]]
"""The values of one metric, by its labels."""


class Totals:
    """Adds up the values in `folder`, for as long as the service runs.

    The counters of a process that has ended are remembered here, and its files are removed.

    Args:
        metrics: the declarations; what the folder has beside them is ignored.
    """

    def __init__(self, folder: Path, metrics: Iterable[Metric]) -> None:
        self._folder = folder
        self._metrics = {metric.name: metric for metric in metrics}
        self._ended: dict[str, Series] = {name: {} for name in self._metrics}
        self._lock = Lock()

    def read(self) -> Mapping[Metric, Series]:
        """Return the current values. A metric without labels has a value from the start."""
        with self._lock:
            living = [path for path in sorted(self._folder.glob(f"*{NAMES}")) if not self._has_ended(path)]
            totals = {name: {k: [*v] for k, v in series.items()} for name, series in self._ended.items()}
            for path in living:
                self._add(path, totals)
        for name, metric in self._metrics.items():
            if not metric.labels:
                totals[name].setdefault((), [0.0] * metric.slots)
        return {metric: totals[name] for name, metric in self._metrics.items()}

    def _has_ended(self, path: Path) -> bool:
        """Check whether the process of a file has ended; if so, remember what it counted."""
        with path.open(encoding="utf-8") as names:
            try:
                fcntl.flock(names, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        self._add(path, self._ended, gauges=False)
        path.unlink()
        path.with_suffix(VALUES).unlink()
        return True

    def _add(self, path: Path, totals: dict[str, Series], *, gauges: bool = True) -> None:
        for metric, labels, values in self._stored(path):
            if metric.kind is Kind.GAUGE and not gauges:
                continue
            series = totals[metric.name]
            before = series.get(labels)
            series[labels] = values if before is None else _combined(metric, before, values)

    def _stored(self, path: Path) -> Iterator[tuple[Metric, tuple[str, ...], list[float]]]:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        data = path.with_suffix(VALUES).read_bytes()
        for line in lines:
            if not line.endswith("\n"):
                return  # it is being written
            place, name, *labels = json.loads(line)
            if (metric := self._metrics.get(name)) is not None:
                yield metric, tuple(labels), [*struct.unpack_from(f"{metric.slots}d", data, place * 8)]


def _combined(metric: Metric, before: list[float], values: list[float]) -> list[float]:
    if metric.kind is Kind.GAUGE and metric.combined != "sum":
        return [max(before[0], values[0]) if metric.combined == "max" else min(before[0], values[0])]
    return [a + b for a, b in zip(before, values, strict=True)]

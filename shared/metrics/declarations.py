"""Declarations of metrics: names, meanings and labels, by the conventions of Prometheus."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

_NAME = re.compile(r"doorward_[a-z0-9_]*[a-z0-9]\Z")


class Kind(StrEnum):
    """How the values of a metric are read."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """The declaration of a metric.

    Attributes:
        help: one sentence in plain English.
        buckets: the upper bounds of a histogram.
        combined: how the gauges of several processes become one.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    combined: Literal["sum", "max", "min"] = "sum"

    def __post_init__(self) -> None:
        # https://prometheus.io/docs/practices/naming/
        is_total = self.name.endswith("_total")
        if not _NAME.match(self.name) or is_total != (self.kind is Kind.COUNTER):
            raise ValueError(f"{self.name}: not a name of a {self.kind}")

    @property
    def slots(self) -> int:
        """The number of values of one series: a histogram has one a bucket, one above them, and the sum."""
        return len(self.buckets) + 2 if self.kind is Kind.HISTOGRAM else 1


def counter(name: str, text: str, *labels: str) -> Metric:
    """Declare something that is counted."""
    return Metric(name=name, kind=Kind.COUNTER, help=text, labels=labels)


def gauge(name: str, text: str, *labels: str, combined: Literal["sum", "max", "min"] = "sum") -> Metric:
    """Declare a state that goes up and down."""
    return Metric(name=name, kind=Kind.GAUGE, help=text, labels=labels, combined=combined)


def latency(name: str, text: str, *labels: str) -> Metric:
    """Declare a distribution of durations, in seconds."""
    return Metric(name=name, kind=Kind.HISTOGRAM, help=text, labels=labels, buckets=LATENCY_BUCKETS_S)

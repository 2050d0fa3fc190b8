"""The result table: every subject compared with the baseline of its run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TypedDict

from rich.table import Table

from bench.load import Sample

NOT_MEASURED_US = 1.0
"""For a round that was too short for the operating system to count any time."""


class Row(TypedDict):
    """One subject, as the median of its rounds; ratios are against the baseline of the same round."""

    subject: str
    per_second: float
    processor_us: float
    speed_ratio: float
    processor_ratio: float


def rows(samples: Mapping[str, Sequence[Sample]], baseline: str) -> list[Row]:
    """Summarize the samples; those of all subjects are in the order of the rounds."""
    base = samples[baseline]
    return [
        Row(
            subject=name,
            per_second=median(each.per_second for each in taken),
            processor_us=median(each.processor_us for each in taken),
            speed_ratio=median(
                each.per_second / beside.per_second for each, beside in zip(taken, base, strict=True)
            ),
            processor_ratio=median(
                each.processor_us / (beside.processor_us or NOT_MEASURED_US)
                for each, beside in zip(taken, base, strict=True)
            ),
        )
        for name, taken in samples.items()
    ]


def table(summary: Sequence[Row], title: str) -> Table:
    """Format the summary for people."""
    columns = ("requests/s", "of the baseline", "processor µs", "of the baseline")
    drawn = Table("subject", *columns, title=title, title_justify="left")
    for column in drawn.columns[1:]:
        column.justify = "right"
    for row in summary:
        drawn.add_row(
            row["subject"],
            f"{row['per_second']:,.0f}",
            f"{row['speed_ratio']:.0%}",
            f"{row['processor_us']:,.0f}",
            f"{row['processor_ratio']:.1f} ×",
        )
    return drawn

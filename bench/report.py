"""The results: every subject compared with the baseline of its run, as a table, Markdown and a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TypedDict

from rich.table import Table

from bench.load import Sample

_COLUMNS = (
    "subject",
    "requests/s",
    "× the baseline",
    "from … to",
    "at least",
    "processor µs",
    "p50 ms",
    "p99 ms",
    "× p50",
    "p99 : p50",
)


class Row(TypedDict):
    """One subject, as the median of its rounds; ratios are against the baseline of the same round.

    Attributes:
        p50_ratio: the median latency, as a multiple of the baseline's.
        tail_ratio: the 99th percentile of the latency, as a multiple of the median; at most 5 is the aim.
    """

    subject: str
    per_second: float
    speed_ratio: float
    lowest_ratio: float
    highest_ratio: float
    at_least: float | None
    processor_us: float
    p50_ms: float
    p99_ms: float
    p50_ratio: float
    tail_ratio: float


def row(subject: str, samples: Sequence[Sample], baseline: Sequence[Sample], at_least: float | None) -> Row:
    """Summarize the samples of a subject; both sequences are in the order of the rounds."""
    ratios = [each.per_second / beside.per_second for each, beside in zip(samples, baseline, strict=True)]
    return Row(
        subject=subject,
        per_second=median(each.per_second for each in samples),
        speed_ratio=median(ratios),
        lowest_ratio=min(ratios),
        highest_ratio=max(ratios),
        at_least=at_least,
        processor_us=median(each.processor_us for each in samples),
        p50_ms=median(each.p50_ms for each in samples),
        p99_ms=median(each.p99_ms for each in samples),
        p50_ratio=median(
            _ratio(each.p50_ms, beside.p50_ms) for each, beside in zip(samples, baseline, strict=True)
        ),
        tail_ratio=median(_ratio(each.p99_ms, each.p50_ms) for each in samples),
    )


def _ratio(value: float, of: float) -> float:
    return value / of if of else 0.0


def table(rows: Sequence[Row], title: str) -> Table:
    """Format the rows for a terminal."""
    drawn = Table(*_COLUMNS, title=title, title_justify="left")
    for column in drawn.columns[1:]:
        column.justify = "right"
    for each in rows:
        drawn.add_row(*_cells(each))
    return drawn


def markdown(rows: Sequence[Row], versions: Mapping[str, str], title: str) -> str:
    """Return the document of the results."""
    lines = [
        "# Benchmark results",
        "",
        f"{title}. Ratios are against *one GET by redis-py* in the same run: a bare ASGI",
        "application that reads the request and one key, and sends it. Absolute figures say more about the",
        "machine than about the code.",
        "",
        "Made by `make bench ARGS=--write` with",
        f"{', '.join(f'{name} {of}' for name, of in versions.items())}.",
        "",
        f"| {' | '.join(_COLUMNS)} |",
        f"|---|{'---:|' * (len(_COLUMNS) - 1)}",
        *(f"| {' | '.join(_cells(each))} |" for each in rows),
        "",
        "![The ratios as bars](results.svg)",
        "",
    ]
    return "\n".join(lines)


def picture(rows: Sequence[Row]) -> str:
    """Return an SVG image of the ratios, with a mark at each target."""
    scale = 300 / max(max(each["speed_ratio"], each["at_least"] or 0) for each in rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="{24 * len(rows) + 8}"'
        ' font-family="sans-serif" font-size="13" role="img"'
        ' aria-label="Speed as multiples of the baseline">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for index, each in enumerate(rows):
        top, width = 24 * index + 6, each["speed_ratio"] * scale
        parts += [
            f'<text x="8" y="{top + 13}">{each["subject"]}</text>',
            f'<rect x="270" y="{top}" width="{width:.0f}" height="16" fill="#3b6ea8"/>',
            f'<text x="{276 + width:.0f}" y="{top + 13}">{each["speed_ratio"]:.2f}</text>',
        ]
        if each["at_least"]:
            at = 270 + each["at_least"] * scale
            parts.append(f'<rect x="{at:.0f}" y="{top - 2}" width="2" height="20" fill="#c0392b"/>')
    return "\n".join([*parts, "</svg>", ""])


def _cells(each: Row) -> list[str]:
    return [
        each["subject"],
        f"{each['per_second']:,.0f}",
        f"{each['speed_ratio']:.2f}",
        f"{each['lowest_ratio']:.2f} … {each['highest_ratio']:.2f}",
        f"{each['at_least']:g}" if each["at_least"] else "",
        f"{each['processor_us']:,.0f}",
        f"{each['p50_ms']:.2f}",
        f"{each['p99_ms']:.2f}",
        f"{each['p50_ratio']:.2f}",
        f"{each['tail_ratio']:.1f}",
    ]

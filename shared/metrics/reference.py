"""The table of metrics in docs/reference/metrics.md, made from the declarations."""

from __future__ import annotations

from collections.abc import Iterable

from shared.metrics.declarations import Metric


def metrics_table(metrics: Iterable[Metric]) -> str:
    """Return declarations as a Markdown table."""
    rows = (
        f"| `{metric.name}` | {metric.kind} | {', '.join(f'`{label}`' for label in metric.labels) or '–'} "
        f"| {metric.help} |"
        for metric in metrics
    )
    return "\n".join(("| metric | kind | labels | meaning |", "| --- | --- | --- | --- |", *rows))

"""Draw the dashboard from a real Prometheus, after real load: docs/reference/dashboard.svg.

python -m bench.dashboard [--seconds 60]

Grafana is not needed: the script runs the queries of deploy/observability/grafana/doorward.json itself, and
draws a panel for each.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2

from tests.cli.command import ROOT, up
from tests.e2e.test_observability import load, prometheus, reach_limit
from tests.gateway.upstreams import forked_stdio
from tests.servers import two_free_ports

PICTURE = ROOT / "docs" / "reference" / "dashboard.svg"
WIDTH, HEIGHT, COLUMNS = 330, 150, 3
COLORS = ("#3b6ea8", "#c0392b", "#2e8b57", "#b8860b", "#7d3c98", "#16a085", "#7f8c8d", "#d35400")
STEP_S = 1
UNITS = {"reqps": "/s", "ops": "/s", "s": " s"}
"""Units of Grafana as a reader knows them; the others are numbers."""


@dataclass(frozen=True)
class Line:
    """One series of a panel: its name, and values at seconds."""

    name: str
    points: Sequence[tuple[float, float]]


def lines_of(address: str, panel: dict[str, object], begun: float, ended: float) -> Iterator[Line]:
    """Yield the series of a panel."""
    for target in panel["targets"]:  # type: ignore[attr-defined]
        query = str(target["expr"]).replace("$__rate_interval", "10s")
        span = {"query": query, "start": str(begun), "end": str(ended), "step": str(STEP_S)}
        answer = httpx2.get(f"{address}/api/v1/query_range", params=span, trust_env=False).json()
        for series in answer["data"]["result"]:
            name = str(target["legendFormat"])
            for label, value in series["metric"].items():
                name = name.replace("{{" + label + "}}", value)
            points = [(at, float(value)) for at, value in series["values"] if value != "NaN"]
            yield Line(name, points)


def drawn(title: str, unit: str, lines: Sequence[Line], span: tuple[float, float]) -> Iterator[str]:
    """Yield the elements of one panel."""
    begun, ended = span
    top = max((value for line in lines for _, value in line.points), default=0.0) or 1.0
    yield f'<rect width="{WIDTH - 10}" height="{HEIGHT - 10}" fill="#fff" stroke="#ccc"/>'
    yield f'<text x="8" y="16" font-weight="bold">{escape(title)}</text>'
    most = f"max {top:.3g}{UNITS.get(unit, '')}"
    yield f'<text x="{WIDTH - 18}" y="16" text-anchor="end" fill="#666">{most}</text>'
    for number, line in enumerate(lines[: len(COLORS)]):
        color = COLORS[number]
        path = " ".join(
            f"{8 + (at - begun) / (ended - begun) * (WIDTH - 26):.1f},{88 - value / top * 62:.1f}"
            for at, value in line.points
        )
        yield f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5"/>'
        x, y = 8 + (number % 2) * 160, 102 + (number // 2) * 11
        yield f'<text x="{x}" y="{y}" font-size="9" fill="{color}">{escape(line.name[:32])}</text>'


def picture(panels: Iterable[tuple[str, str, Sequence[Line]]], span: tuple[float, float]) -> str:
    """Return the dashboard as SVG."""
    parts = []
    for number, (title, unit, lines) in enumerate(panels):
        x, y = number % COLUMNS * WIDTH + 5, number // COLUMNS * HEIGHT + 5
        parts.append(f'<g transform="translate({x} {y})">{"".join(drawn(title, unit, lines, span))}</g>')
    height = (len(parts) + COLUMNS - 1) // COLUMNS * HEIGHT
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{COLUMNS * WIDTH}" height="{height}"'
            ' font-family="sans-serif" font-size="11" role="img" aria-label="The dashboard under load">',
            '<rect width="100%" height="100%" fill="#f4f5f5"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def main() -> None:
    """Put load on both services, and draw what Prometheus has seen."""
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=int, default=60)
    seconds: int = options.parse_args().seconds
    panels = json.loads((ROOT / "deploy/observability/grafana/doorward.json").read_text())["panels"]
    port = two_free_ports()
    settings = {
        "DOORWARD_METRICS_PORT": str(port),
        "DOORWARD_INTROSPECTION_CACHE_S": "60",
        "DOORWARD_REGISTRATIONS_PER_MINUTE": "600",
        "DOORWARD_UPSTREAM": forked_stdio("tests.gateway.servers.plain"),
    }
    with TemporaryDirectory() as name, prometheus(port, Path(name)) as address:
        directory = Path(name) / "up"
        directory.mkdir()
        with up(directory, **settings) as running:
            begun = time.time()
            while time.time() < begun + seconds:
                asyncio.run(load(running, calls=20))
            reach_limit(running)
            time.sleep(2 * STEP_S)
            span = (begun + 5, time.time())
            rows = [
                (panel["title"], panel["fieldConfig"]["defaults"]["unit"], [*lines_of(address, panel, *span)])
                for panel in panels
            ]
    PICTURE.write_text(picture(rows, span))


if __name__ == "__main__":
    main()

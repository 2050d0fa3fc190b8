"""Print a report for people or programs. Server data is already safe to print."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.text import Text

from shared.cli.doctor.examination import Report
from shared.cli.doctor.exchange import Exchange
from shared.cli.doctor.judgement import Line
from shared.cli.doctor.text import printable
from shared.cli.doctor.verdict import Status
from shared.version import VERSION

_STYLES = {Status.OK: "green", Status.WARNING: "yellow", Status.FAILURE: "bold red", Status.SKIPPED: "dim"}
_COLUMN = max(len(status) for status in Status) + 2


def print_group(console: Console, heading: str, lines: list[Line]) -> None:
    """Print a heading and one line per check, with the fix below each problem."""
    console.print(Text(f"\n{heading}", style="bold"))
    if all(line.status is Status.SKIPPED for line in lines):
        console.print(_all_skipped(lines), soft_wrap=True)
        return
    for line in lines:
        console.print(_line(line), soft_wrap=True)
        if line.fix is not None:
            console.print(Text(f"{'':{_COLUMN + 2}}→ {line.fix}", style="dim"), soft_wrap=True)


def print_unreachable(console: Console, report: Report) -> None:
    """Print why no response arrived, and whether a hosted client could not reach the URL anyway."""
    # A refused certificate is more specific than "unreachable".
    redundant = {"reachable"} if any(line.check.id == "tls" for line in report.lines) else set()
    for line in report.lines:
        if line.check.id in redundant:
            continue
        console.print(_line(line).append(f" → {line.fix}", style="dim"), soft_wrap=True)


def _all_skipped(lines: list[Line]) -> Text:
    ids = ", ".join(line.check.id for line in lines)
    return Text(f"  {Status.SKIPPED:<{_COLUMN}}{lines[0].finding}  [{ids}]", style="dim")


def _line(line: Line) -> Text:
    text = Text(f"  {line.status:<{_COLUMN}}", style=_STYLES[line.status])
    text.append(line.check.title, style="default")
    if line.finding:
        text.append(f": {line.finding}", style="dim" if line.fix is None else "default")
    return text.append(f"  [{line.check.id}]", style="dim")


def print_requests(console: Console, exchanges: Iterable[Exchange]) -> None:
    """Print the requests and their results."""
    console.print(Text("\nRequests", style="bold"))
    for exchange in exchanges:
        outcome = str(exchange.status or exchange.trouble)
        url = printable(exchange.url.partition("?")[0], 200)
        console.print(
            Text(f"  {exchange.request.method:<8}{url}  {outcome}  {exchange.seconds:.2f} s", style="dim"),
            soft_wrap=True,
        )


def print_summary(console: Console, report: Report) -> None:
    """Print the number of lines by status, and the conclusion."""
    counts = ", ".join(f"{report.count(status)} {status}" for status in Status)
    for_whom = report.profile.name if report.profile else "MCP clients"
    verdict = (
        Text(f"{for_whom} will not connect.", style="bold red")
        if report.count(Status.FAILURE)
        else Text(f"Nothing found that stops {for_whom}.", style="bold green")
    )
    console.print(Text(f"\n{counts}"), soft_wrap=True)
    console.print(verdict, soft_wrap=True)


def to_json(report: Report) -> str:
    """Return the report as one JSON object, ASCII only."""
    document = {
        "doorward": VERSION,
        "mcp_url": report.mcp_url,
        "issuer": printable(report.issuer) if report.issuer else None,
        "profile": report.profile.id if report.profile else None,
        "counts": {str(status): report.count(status) for status in Status},
        "checks": [_line_as_json(group, line) for group, lines in report.groups.items() for line in lines],
        "requests": [_exchange_as_json(exchange) for exchange in report.exchanges],
    }
    return json.dumps(document, indent=2)


def _line_as_json(group: str, line: Line) -> dict[str, Any]:
    problem = {"fix": line.fix, "meaning": line.check.meaning} if line.fix else {}
    about = {"id": line.check.id, "group": group, "title": line.check.title}
    return {**about, "status": str(line.status), "found": line.finding, **problem}


def _exchange_as_json(exchange: Exchange) -> dict[str, Any]:
    # Without the query: that of an authorization request is private.
    return {
        "method": exchange.request.method,
        "url": printable(exchange.url.partition("?")[0], 500),
        "status": exchange.status,
        "trouble": str(exchange.trouble) if exchange.trouble else None,
        "seconds": round(exchange.seconds, 3),
    }

"""Terminal output that can be copied, whatever the width of the terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console


class Terminal:
    """Standard output or standard error.

    It imports `rich`, which takes a twentieth of a second, with the first line: completion prints none.

    Args:
        stderr: whether it is standard error.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        self._stderr = stderr

    @cached_property
    def console(self) -> Console:
        """The console of `rich`, for all that is more than a line."""
        from rich.console import Console

        return Console(stderr=self._stderr, highlight=False, soft_wrap=True)

    def print(
        self, text: object = "", *, style: str | None = None, markup: bool = True, end: str = "\n"
    ) -> None:
        """Print a line, in the style of `rich`, if the stream is a terminal."""
        self.console.print(text, style=style, markup=markup, end=end)


output = Terminal()
errors = Terminal(stderr=True)


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def print_json(items: Iterable[Mapping[str, object]]) -> None:
    """Print a list as JSON on standard output."""
    typer.echo(json_text(list(items), indent=2))


def json_text(value: object, *, indent: int | None = None) -> str:
    """Return JSON in which characters that could control a terminal, or are none, are escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def printable(text: str) -> str:
    """Escape the control characters of a text from elsewhere, line ends and tabs included."""
    return text if text.isprintable() else json_text(text)[1:-1]


def print_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows below their headers: aligned on a terminal, separated by tabs for other programs."""
    lines = [tuple(headers), *(tuple(map(printable, row)) for row in rows)]
    if not sys.stdout.isatty():
        for line in lines:
            typer.echo("\t".join(line))
        return
    from rich.cells import cell_len, set_cell_size

    widths = [max(cell_len(line[column]) for line in lines) for column in range(len(headers))]
    for line in lines:
        padded = (set_cell_size(cell, width) for cell, width in zip(line, widths, strict=True))
        typer.echo("  ".join(padded).rstrip())


def date(moment: float | None) -> str:
    """Return a moment (seconds since 1970) as a date in UTC; a hyphen for none."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d") if moment else "-"


Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def confirm(question: str, *, yes: bool) -> None:
    """Ask before a change that cannot be undone, unless `yes`.

    Raises:
        CommandError: the answer is no, or nobody can answer.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError(f"nothing was changed: without a terminal, --yes must answer: {question}")
    if not typer.confirm(question):
        raise CommandError("nothing was changed")


class CommandError(Exception):
    """The command cannot continue, for a reason that the user can fix; the message says how."""

    exit_status = 2


class NegativeResultError(CommandError):
    """The command worked, and the result is negative: unhealthy, not found, ended."""

    exit_status = 1
